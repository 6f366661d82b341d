#!/bin/sh
# Compares the contracts with those of a git ref (BASE; origin/main, else main) and fails where callers would break.
set -eu
cd "$(dirname "$0")/.."
base=${BASE:-$(git rev-parse --verify --quiet origin/main || git rev-parse --verify --quiet main || true)}
if [ -z "$base" ] || ! git cat-file -e "$base:protos/buf.yaml" 2>/dev/null; then
    echo "buf breaking: no main branch to compare with, nothing compared" >&2
    exit 0
fi
before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
git archive "$base" protos | tar -x -C "$before"
cd protos && ../.venv/bin/buf breaking --against "$before/protos"
