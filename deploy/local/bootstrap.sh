#!/bin/sh
# Installs uv into .tools with the Python of this machine, which it notes in .tools/python for uv to take.
set -eu
version=$1

python=
for candidate in ${PYTHON:-} python3.12 python3.11 python3 python; do
    # A name may be there and yet start nothing, as the shims of version managers do.
    python=$("$candidate" -c 'import sys; print(sys.executable) if sys.version_info[:2] in ((3, 11), (3, 12)) else sys.exit(1)' 2>/dev/null) && break
    python=
done
if [ -z "$python" ]; then
    echo "Atalaya needs Python 3.11 or 3.12, and none was found; install one, or name it: make setup PYTHON=/path/to/python3.12" >&2
    exit 1
fi

rm -rf .tools
if ! "$python" -m venv .tools >/dev/null 2>&1; then
    echo "$python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2
    exit 1
fi
.tools/bin/python -m pip install --quiet --disable-pip-version-check "uv==$version"
echo "$python" >.tools/python
