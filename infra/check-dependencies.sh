#!/usr/bin/env bash
# Checks the dependencies by deny.toml. Where no cargo-deny is to be found it is built, which takes three minutes
# once, and kept outside the checkout.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.20.2
tools=${XDG_CACHE_HOME:-$HOME/.cache}/prodrome/cargo-deny-$version
deny=$tools/bin/cargo-deny
if [ ! -x "$deny" ]; then
    if deny=$(command -v cargo-deny) && [[ $("$deny" --version) == "cargo-deny ${version%.*}."* ]]; then
        : # the user's own will do
    else
        deny=$tools/bin/cargo-deny
        echo "building cargo-deny $version (some three minutes, once)" >&2
        build=$(mktemp -d)
        trap 'rm -rf "$build"' EXIT
        # A debug build: it runs for a second, and takes a fifth of the time to make.
        cargo install --quiet --locked --debug --no-default-features --root "$tools" --target-dir "$build" \
            "cargo-deny@$version"
    fi
fi

# It reads every crate of the lock file, those of other systems too, which a build does not bring.
cargo fetch --quiet --locked || {
    echo "error: the crates of Cargo.lock cannot be had; it needs the registry (cargo fetch --locked)" >&2
    exit 2
}
"$deny" --offline check --hide-inclusion-graph bans licenses sources
# The database is a git repository that `cargo deny fetch db` brings; without it there is nothing to compare with.
if compgen -G "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs/*" >/dev/null; then
    "$deny" --offline check --hide-inclusion-graph advisories
else
    echo "advisories not checked: RustSec's database is not here (cargo deny fetch db)"
fi
