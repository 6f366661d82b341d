#!/bin/sh
# Builds the image of one service with whichever of docker, podman and buildah is there. BASE and TAG may be set, and
# BUILD_FLAGS for what the machine needs besides.
set -eu
cd "$(dirname "$0")/../.."
service=${1:-}
case "$service" in
auth | ingest | ml | insights | analytics) ;;
*)
    echo "which service? make image SERVICE=auth|ingest|ml|insights|analytics" >&2
    exit 2
    ;;
esac
set -- -f deploy/image/Dockerfile --build-arg "SERVICE=$service" -t "${TAG:-atalaya/$service:dev}"
[ -z "${BASE:-}" ] || set -- "$@" --build-arg "BASE=$BASE"
for tool in docker podman; do
    if command -v "$tool" >/dev/null && "$tool" info >/dev/null 2>&1; then
        # shellcheck disable=SC2086 # flags are several words
        exec "$tool" build ${BUILD_FLAGS:-} "$@" .
    fi
done
if command -v buildah >/dev/null; then
    # shellcheck disable=SC2086
    exec buildah bud ${BUILD_FLAGS:-} "$@" .
fi
echo "neither docker, podman nor buildah works here; install one of them and run this again" >&2
exit 1
