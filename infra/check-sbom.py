"""Checks bills of materials: that each is CycloneDX, and names every crate that its program is linked from, with the
version, the checksum and the licence.

    infra/check-sbom.py target/sbom x86_64-unknown-linux-gnu
"""

import json
import re
import subprocess
import sys
from pathlib import Path


def linked(program, target):
    """The crates of others that a program is linked from, as cargo resolves them."""
    command = ["cargo", "tree", "--quiet", "--locked", "--offline", "--package", f"prodrome-{program}", "--edges", "normal"]
    command += ["--prefix", "none", "--format", "{p}", "--target", target]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    found = (re.match(r"(\S+) v(\S+)", line) for line in lines)
    return {match.groups() for match in found if match and not match[1].startswith("prodrome-")}


def mistakes(path, target):
    bom = json.loads(path.read_text())
    if bom.get("bomFormat") != "CycloneDX" or bom.get("specVersion") != "1.5":
        yield "expected CycloneDX 1.5"
    if bom.get("metadata", {}).get("component", {}).get("name") != f"prodrome-{path.name.split('.')[0]}":
        yield "it is about something else"
    components = bom.get("components", [])
    references = [component.get("bom-ref") for component in components]
    if len(set(references)) != len(references):
        yield "a component stands there twice"
    named = set()
    for component in components:
        name, version = component.get("name"), component.get("version")
        named.add((name, version))
        if name.startswith("prodrome-"):
            continue
        purl = component.get("purl", "").split("?")[0].replace("%2B", "+")
        if purl != f"pkg:cargo/{name}@{version}":
            yield f"{name} {version}: the purl is {component.get('purl')}"
        if not component.get("licenses"):
            yield f"{name} {version} has no licence"
        if not any(len(digest.get("content", "")) == 64 for digest in component.get("hashes", [])):
            yield f"{name} {version} has no checksum"
    missing = linked(path.name.split(".")[0], target) - named
    if missing:
        yield f"it lacks {sorted(missing)}"
    known = set(references) | {bom.get("metadata", {}).get("component", {}).get("bom-ref")}
    for dependency in bom.get("dependencies", []):
        for reference in [dependency["ref"], *dependency.get("dependsOn", [])]:
            if reference not in known:
                yield f"{reference} is not described"


def main(folder, target):
    files = sorted(Path(folder).glob("*.cdx.json"))
    wrong = [f"{path.name}: {mistake}" for path in files for mistake in mistakes(path, target)]
    if wrong or not files:
        sys.exit("\n".join(wrong) or f"{folder} holds no bill of materials")
    print(f"{folder}: {len(files)} bills of materials, each complete")


if __name__ == "__main__":
    main(*sys.argv[1:])
