#!/bin/sh
# Puts a Trino server into .tools, from its Maven artifact; where that or Java cannot be had, the tests say so.
set -eu
VERSION=368
cd "$(dirname "$0")/../.."
target=.tools/trino-$VERSION
[ -d "$target" ] && exit 0
packages=""
command -v java >/dev/null || packages="openjdk-17-jre-headless"
command -v mvn >/dev/null || packages="$packages maven"
if [ -n "$packages" ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "not installed, so that Trino is left out of the tests: $packages" >&2
        exit 0
    fi
    apt-get update -qq || echo "apt-get update failed" >&2
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null || exit 0
fi
mkdir -p .tools
download=$(mktemp -d .tools/trino-download.XXXXXX)
trap 'rm -rf "$download"' EXIT
# A repository of its own: the archive has 650 MB, and nothing else needs it.
mvn --batch-mode --quiet --strict-checksums dependency:get -Dmaven.repo.local="$PWD/$download/repository" \
    -Dartifact=io.trino:trino-server:$VERSION:tar.gz -Dtransitive=false >/dev/null || {
    echo "Trino could not be fetched, and is left out of the tests" >&2
    exit 0
}
tar -xzf "$download/repository/io/trino/trino-server/$VERSION/trino-server-$VERSION.tar.gz" -C "$download"
mkdir -p "$download/kept/plugin"
mv "$download/trino-server-$VERSION/lib" "$download/kept/lib"
# The only connector that reads what Athena reads.
mv "$download/trino-server-$VERSION/plugin/hive" "$download/kept/plugin/hive"
mv "$download/kept" "$target"
