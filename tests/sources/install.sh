#!/bin/sh
# Puts the databases that sources are tested with on the machine where they are missing and apt-get may install them.
# What cannot be had is named here, and its tests say that they were left out.
set -eu
packages=""
command -v mariadbd >/dev/null || packages="$packages mariadb-server-core"
# Without it the server's own script cannot make a data folder.
command -v my_print_defaults >/dev/null || packages="$packages mariadb-client-core"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || packages="$packages postgresql"
command -v java >/dev/null || packages="$packages openjdk-17-jre-headless"
command -v mvn >/dev/null || packages="$packages maven"
[ -z "$packages" ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "not installed, and left out of the tests:$packages" >&2
    exit 0
fi
# Without its own server of the system: the tests start theirs.
mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
apt-get update -qq || echo "apt-get update failed" >&2
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null ||
    echo "could not be installed, and is left out of the tests:$packages" >&2
