"""Writes the BUILD.bazel files from the imports of the Python sources.

    ./bazelw run //tools:update_build_files              or: python3 -m tools.update_build_files
    ./bazelw run //tools:update_build_files -- --check   only tell what would change (lint does so)

A BUILD file that does not begin with the generator's header is hand-written and left alone. In a
generated one, everything after a line `# Kept by //tools:update_build_files: ...` is kept. A source
file says what imports do not tell in comments: `# build: data = ["//docs"]` (data and deps; for
tests also size, timeout, shard_count and env; their tags are their pytest markers).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.build.build_files import BuildFiles, is_generated, kept_part
from tools.build.imports import workspace_root
from tools.build.layers import MIN_FILES
from tools.build.modules import scan
from tools.build.targets import Targets


@dataclass(frozen=True)
class Plan:
    """What the BUILD files should be.

    Attributes:
        files: the text of every generated BUILD file.
        problems: imports of unknown modules and packages, libraries that need each other.
    """

    files: dict[Path, str]
    problems: list[str]


def plan(root: Path, *, min_files: int = MIN_FILES) -> Plan:
    """Computes the BUILD files of a source tree.

    Raises:
        ValueError: suspiciously few sources under root.
    """
    index = scan(root)
    if len(index.modules) < min_files:
        raise ValueError(
            f"only {len(index.modules)} Python files under {root}, expected at least {min_files}: "
            "is this the source tree?"
        )
    targets = Targets(index)
    files: dict[Path, str] = {}
    for package, text in BuildFiles(targets).texts().items():
        path = root / package / "BUILD.bazel"
        if is_generated(path):
            files[path] = text + kept_part(path)
    return Plan(files, list(dict.fromkeys(targets.problems())))


def stale_files(root: Path, wanted: Collection[Path]) -> Iterator[Path]:
    """Yields generated BUILD files of folders that need none any more."""
    for start in ("max", "tools"):
        for path in sorted((root / start).rglob("BUILD.bazel")):
            if path not in wanted and is_generated(path):
                yield path


def main(argv: list[str] | None = None) -> int:
    """Updates or checks the workspace's BUILD files and returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail if anything would"
    )
    check = parser.parse_args(argv).check
    root = workspace_root()
    wanted = plan(root)
    stale = list(stale_files(root, wanted.files))
    changed = [p for p, text in wanted.files.items() if not p.exists() or p.read_text() != text]
    for path in [*changed, *stale]:
        print(f"{'out of date' if check else 'wrote'}: {path.relative_to(root)}")
    if not check:
        for path in changed:
            path.write_text(wanted.files[path])
        for path in stale:
            path.unlink()
    for problem in wanted.problems:
        print(problem)
    print(f"BUILD files: {len(wanted.files)}, to change: {len(changed) + len(stale)}")
    if check and (changed or stale):
        print("run `./bazelw run //tools:update_build_files`")
    return 1 if wanted.problems or (check and (changed or stale)) else 0


if __name__ == "__main__":
    sys.exit(main())
