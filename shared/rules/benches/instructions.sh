#!/usr/bin/env bash
# How many instructions a byte takes: 130 rules a kind on generated objects (or `recorded` ones), counted by callgrind.
# The same on every machine with AVX2, however busy it is. Fails above the limit, and says so where there is no valgrind.
set -euo pipefail

limit=${1:-6.0}
corpus=${2:-generated}
if ! command -v valgrind > /dev/null; then
    echo "no valgrind here: the instructions were not counted"
    exit 0
fi

# Collected instructions and the bytes of one time over all objects.
count() {
    local host out
    host=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
    out=$(env "CARGO_TARGET_${host}_RUNNER=valgrind --tool=callgrind --callgrind-out-file=/dev/null" \
        "${CARGO:-cargo}" bench --quiet -p prodrome-rules --bench engine -- --instructions "$1" "$corpus" 2>&1) ||
        { echo "$out" >&2; exit 1; }
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p' <<< "$out"
    grep -E '^[0-9]+$' <<< "$out"
}

# Two counts apart: what starting takes is in both of them.
read -r -d '' few bytes <<< "$(count 2)" || true
read -r -d '' many _ <<< "$(count 6)" || true
awk -v few="$few" -v many="$many" -v bytes="$bytes" -v limit="$limit" 'BEGIN {
    each = (many - few) / 4 / bytes
    printf "%.2f instructions a byte, at most %s\n", each, limit
    exit !(each > 0 && each <= limit)
}'
