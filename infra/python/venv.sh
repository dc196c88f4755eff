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
key=$("$python" -c 'import hashlib, sys
print(hashlib.sha256(sys.version.encode() + open(sys.argv[1], "rb").read()).hexdigest()[:12])' "$list")
venv=$cache/venv-$name-$key
if [ ! -x "$venv/bin/python" ]; then
    mkdir -p "$cache"
    part=$(mktemp -d "$cache/venv-$name-$key.XXXXXX") # whole before it bears its name
    trap 'rm -rf "$part"' EXIT
    echo "making a Python environment for $name (once)" >&2
    "$python" -m venv "$part" >&2
    "$part/bin/python" -m pip install --quiet --require-hashes --no-input --disable-pip-version-check -r "$list" >&2
    rm -rf "$venv" # one whose Python is gone
    mv -T "$part" "$venv" 2>/dev/null || [ -x "$venv/bin/python" ] # or another one was quicker
fi
echo "$venv"
