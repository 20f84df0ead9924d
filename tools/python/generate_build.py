"""Writes the BUILD file of a repository of wheels from the venv that install_wheels.py made.

    generate_build.py LOCK [BASE REPOSITORY]

Runs with the venv's interpreter in the repository's folder. Every installed distribution D becomes
a py_library `@pip//:D` (name normalised, with `_`), whose files are ONE source directory, site/D,
made of links into the venv: a target's runfiles hold one link for torch instead of ten thousand.
BASE is the python.json of the repository on whose distributions these stand; each of those gets an
alias here.
"""

import hashlib
import json
import os
import re
import sys
import sysconfig
from collections.abc import Collection, Iterable
from importlib import metadata
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement

Parts = tuple[str, ...]


def normalise(name: str) -> str:
    """Returns a distribution's name as a Bazel target name."""
    return re.sub(r"[-_.]+", "_", name).lower()


def locked_extras(lock: Path) -> dict[str, set[str]]:
    """Returns the extras that the lock asks for, by distribution."""
    pattern = re.compile(r"^([A-Za-z0-9._-]+)\[([^\]]+)\]==", re.MULTILINE)
    return {
        normalise(name): {extra.strip() for extra in extras.split(",")}
        for name, extras in pattern.findall(lock.read_text())
    }


def dependencies(
    dists: dict[str, metadata.Distribution],
    extras: dict[str, set[str]],
    below: Collection[str] = (),
) -> dict[str, set[str]]:
    """Returns each distribution's direct dependencies in dists and below, extras included."""
    environment = {key: str(value) for key, value in default_environment().items()}
    wanted = {name: {"", *extras.get(name, ())} for name in dists}
    found: dict[str, set[str]] = {}
    while True:
        fresh: dict[str, set[str]] = {name: set() for name in dists}
        for name, dist in dists.items():
            for requirement in map(Requirement, dist.requires or ()):
                other = normalise(requirement.name)
                if other == name or not (other in dists or other in below):
                    continue
                marker = requirement.marker
                if marker is None or any(
                    marker.evaluate({**environment, "extra": extra}) for extra in wanted[name]
                ):
                    fresh[name].add(other)
                    if other in dists:
                        wanted[other] |= requirement.extras
        if fresh == found:
            return found
        found = fresh


def reachable(start: str, graph: dict[str, set[str]]) -> set[str]:
    """Returns what can be reached from start, start itself only through a cycle."""
    seen: set[str] = set()
    todo = list(graph[start])
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += graph.get(name, ())
    return seen


def owned_files(dist: metadata.Distribution) -> set[Parts]:
    """Returns the site-packages files of a distribution, as path parts."""
    parts = (Path(os.path.normpath(str(file))).parts for file in dist.files or ())
    return {p for p in parts if p[0] != ".." and "__pycache__" not in p}


def link(
    name: str, prefix: Parts, files: Iterable[Parts], site: Path, owned: dict[str, set[Parts]]
) -> None:
    """Links a distribution's files into site/NAME.

    A folder that several distributions share (a namespace package) is made for real and its
    entries are linked one level down.
    """
    entries: dict[str, list[Parts]] = {}
    for parts in files:
        entries.setdefault(parts[0], []).append(parts[1:])
    for entry, rest in entries.items():
        path = (*prefix, entry)
        below = [parts for parts in rest if parts]
        shared = any(
            other != name and any(p[: len(path)] == path for p in owned[other]) for other in owned
        )
        if shared and below:
            link(name, path, below, site, owned)
            continue
        target = Path("site", name, *path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(os.path.relpath(site.joinpath(*path), target.parent.resolve()))


def main(lock: Path, base: Path | None = None, base_repository: str = "") -> None:
    """Writes site/, stamp/, python.json and BUILD.bazel into the current folder."""
    site = Path(sysconfig.get_paths()["purelib"]).resolve()
    dists = {
        normalise(dist.metadata["Name"]): dist for dist in metadata.distributions(path=[str(site)])
    }
    dists.pop("pip", None)
    below: list[str] = json.loads(base.read_text())["distributions"] if base else []
    deps = dependencies(dists, locked_extras(lock), below)
    owned = {name: owned_files(dist) for name, dist in dists.items()}
    lines = [
        'load("@rules_python//python:defs.bzl", "py_library")',
        'package(default_visibility = ["//visibility:public"])',
        'exports_files(["python.json"])',
    ]
    Path("stamp").mkdir()
    facts = {
        "python": os.path.abspath("venv/bin/python3"),
        "site": str(site),
        "distributions": sorted(dists),
    }
    Path("python.json").write_text(json.dumps(facts))
    for name in below:
        lines.append(f'alias(name = "{name}", actual = "@{base_repository}//:{name}")')
        lines.append(f'alias(name = "{name}.files", actual = "@{base_repository}//:{name}.files")')
    for name in sorted(dists):
        dist = dists[name]
        record = hashlib.sha256((dist.read_text("RECORD") or "").encode()).hexdigest()
        # A directory's content is not hashed by Bazel; the stamp makes tests see a new version.
        Path("stamp", name).write_text(f"{name}=={dist.version} {record}\n")
        Path("site", name).mkdir(parents=True, exist_ok=True)
        link(name, (), owned[name], site, owned)
        # Bazel's graph has no cycles: a distribution that reaches itself through its
        # dependencies lists everything that it reaches, flattened, as bare files.
        reached = reachable(name, deps)
        cyclic = name in reached
        wanted = (
            [f":{d}.files" for d in reached - {name}] if cyclic else [f":{d}" for d in deps[name]]
        )
        lines.append(
            f'py_library(name = "{name}.files", data = ["stamp/{name}", "site/{name}"], '
            f'imports = ["site/{name}"])'
        )
        lines.append(
            f'py_library(name = "{name}", deps = {json.dumps([f":{name}.files", *sorted(wanted)])})'
        )
    Path("BUILD.bazel").write_text("\n\n".join(lines) + "\n")


if __name__ == "__main__":
    lock, *below = sys.argv[1:]
    main(Path(lock), Path(below[0]) if below else None, *below[1:])
