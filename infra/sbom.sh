#!/usr/bin/env bash
# Writes what each program is made of as a CycloneDX bill of materials: target/sbom/NAME.cdx.json for every function,
# the watcher and the command. Where no cargo-cyclonedx is to be found it is built, which takes some minutes once, and
# kept outside the checkout. ARCH as for `make build-functions`.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.5.9
cache=${XDG_CACHE_HOME:-$HOME/.cache}/prodrome
tool=$cache/cargo-cyclonedx-$version/bin/cargo-cyclonedx
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ ! -x "$tool" ]; then
    if tool=$(command -v cargo-cyclonedx) && [[ $("$tool" cyclonedx --version) == *" ${version%.*}."* ]]; then
        : # the user's own will do
    else
        tool=$cache/cargo-cyclonedx-$version/bin/cargo-cyclonedx
        echo "building cargo-cyclonedx $version (some minutes, once)" >&2
        cargo install --quiet --locked --debug --root "$cache/cargo-cyclonedx-$version" --target-dir "$work/build" \
            "cargo-cyclonedx@$version"
    fi
fi

case ${ARCH:-x86_64} in
    arm64) target=aarch64-unknown-linux-gnu ;;
    *) target=x86_64-unknown-linux-gnu ;;
esac
out=${1:-${CARGO_TARGET_DIR:-target}/sbom}
mkdir -p "$out"
out=$(cd "$out" && pwd)
rm -f "$out"/*.cdx.json

cargo fetch --quiet --locked || {
    echo "error: the crates of Cargo.lock cannot be had; it needs the registry (cargo fetch --locked)" >&2
    exit 2
}
# It writes beside each manifest, so it gets a copy of what it reads.
copy=$work/copy
mkdir "$copy"
git ls-files -z --cached --others --exclude-standard -- '*Cargo.toml' Cargo.lock '*.rs' \
    | while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done \
    | tar -cf - --null -T - | tar -xf - -C "$copy"
date=$(git log -1 --format=%ct)
(cd "$copy" && SOURCE_DATE_EPOCH=$date "$tool" cyclonedx --quiet --format json --spec-version 1.5 --target "$target" \
    --license-accept-named Unlicense --override-filename bom)

for folder in functions/* functions/plugins/* infra/watcher infra/cli; do
    [ -f "$folder/Cargo.toml" ] || continue
    name=$(sed -n 's/^name = "prodrome-\(.*\)"/\1/p' "$folder/Cargo.toml" | head -n 1)
    # Where the copy lay is nobody's business, and another place each time.
    sed "s#file://$copy#file:///prodrome#g" "$copy/$folder/bom.json" >"$out/$name.cdx.json"
done
python3 infra/check-sbom.py "$out" "$target"
