#!/usr/bin/env bash
# Prints the path of a Python environment that has the pinned packages of NAME.txt, and makes it first if need be.
#
#   infra/python/venv.sh lint        →  ~/.cache/prodrome/venv-lint-1a2b3c4d5e6f
set -euo pipefail

name=${1:?usage: venv.sh NAME}
here=$(cd "$(dirname "$0")" && pwd)
list=$here/$name.txt
python=${PYTHON:-python3}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/prodrome

command -v "$python" >/dev/null || {
    echo "error: found no $python; install Python 3.10 or newer (Debian: apt-get install python3-venv)" >&2
    exit 2
}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
    echo "error: $python is $("$python" --version 2>&1); Python 3.10 or newer is needed (another one: PYTHON=…)" >&2
    exit 2
}
key=$("$python" -c 'import hashlib, sys
print(hashlib.sha256(sys.version.encode() + open(sys.argv[1], "rb").read()).hexdigest()[:12])' "$list")
venv=$cache/venv-$name-$key
if [ ! -e "$venv/.whole" ]; then # written last, so that one half made is not taken for one
    echo "making a Python environment for $name (once)" >&2
    mkdir -p "$cache"
    "$python" -m venv --clear "$venv" >&2 || {
        echo "error: $python cannot make virtual environments; install its venv module (Debian: apt-get install" \
            "python3-venv)" >&2
        exit 2
    }
    "$venv/bin/python" -m pip install --quiet --require-hashes --no-input --disable-pip-version-check -r "$list" >&2 || {
        echo "error: the packages of $list cannot be installed; it needs the Python package index (pip's own settings" \
            "apply: PIP_INDEX_URL, PIP_FIND_LINKS, a proxy)" >&2
        exit 2
    }
    touch "$venv/.whole"
fi
echo "$venv"
