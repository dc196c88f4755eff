#!/usr/bin/env bash
# Fails if a program needs a newer glibc than provided.al2023 has, which would show at its first call only.
#
#   infra/check-glibc.sh target/lambda/*/bootstrap
set -euo pipefail

newest_allowed=2.34
[ $# -gt 0 ] || { echo "usage: check-glibc.sh FILE…" >&2; exit 2; }
command -v objdump >/dev/null || { echo "error: found no objdump; install binutils" >&2; exit 2; }

failed=0
for file in "$@"; do
    symbols=$(objdump -T "$file") || { echo "error: $file is not a program" >&2; exit 2; }
    needed=$(grep -oE 'GLIBC_[0-9]+(\.[0-9]+)+' <<<"$symbols" | sed 's/GLIBC_//' | sort -Vu | tail -n 1 || true)
    if [ -z "$needed" ]; then
        echo "$file: needs no glibc"
    elif [ "$(printf '%s\n' "$needed" $newest_allowed | sort -V | tail -n 1)" = $newest_allowed ]; then
        echo "$file: needs glibc $needed"
    else
        echo "error: $file needs glibc $needed; provided.al2023 has $newest_allowed:" >&2
        grep -m 5 -E "GLIBC_${needed//./\\.}\b" <<<"$symbols" >&2
        failed=1
    fi
done
exit $failed
