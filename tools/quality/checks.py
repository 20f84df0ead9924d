"""The programs behind lint and format, and where they are."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PYTHON_PATHS = ("max", "tools", "third_party")


@dataclass(frozen=True)
class Tools:
    """What the checks run.

    Attributes:
        root: the source tree.
        python: an interpreter that has ruff, mypy and every package that the tree imports.
        buildifier: the formatter of BUILD files, None where it cannot be had.
    """

    root: Path
    python: str
    buildifier: str | None


@dataclass(frozen=True)
class Check:
    """One command, run in the source tree."""

    name: str
    command: list[str]


def find_tools(argv: list[str]) -> Tools:
    """Reads the options that the Bazel targets pass; without, takes what this machine has."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", type=Path, help="@pip_dev//:python.json")
    parser.add_argument("--buildifier", type=Path)
    options = parser.parse_args(argv)
    python = json.loads(options.python.read_text())["python"] if options.python else sys.executable
    buildifier = shutil.which("buildifier")
    if options.buildifier and options.buildifier.stat().st_size:
        buildifier = str(options.buildifier.resolve())
    root = os.environ.get("BUILD_WORKSPACE_DIRECTORY") or Path(__file__).parents[2]
    return Tools(Path(root), python, buildifier)


def bazel_files(root: Path) -> list[str]:
    """Returns the BUILD, .bzl and MODULE files of the tree."""
    names = [root / "BUILD.bazel", root / "MODULE.bazel"]
    for start in PYTHON_PATHS:
        names += [*(root / start).rglob("BUILD.bazel"), *(root / start).rglob("*.bzl")]
    return sorted(str(path.relative_to(root)) for path in names)


def buildifier_checks(tools: Tools, *options: str) -> list[Check]:
    """Returns the buildifier command, or none where there is no buildifier."""
    if tools.buildifier is None:
        print("buildifier: skipped, its npm package could not be had", flush=True)
        return []
    return [Check("buildifier", [tools.buildifier, *options, *bazel_files(tools.root)])]


def run_all(tools: Tools, checks: list[Check]) -> int:
    """Runs every check, also after one has failed; returns the number of failures."""
    paths = os.pathsep.join([str(tools.root), str(tools.root / "max" / "python")])
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONNOUSERSITE": "1"}
    environment.pop("PYTHONSAFEPATH", None)
    failed: list[str] = []
    for check in checks:
        start = time.monotonic()
        code = subprocess.run(
            check.command, cwd=tools.root, env=environment, check=False
        ).returncode
        seconds = time.monotonic() - start
        print(f"{check.name}: {'FAILED' if code else 'ok'} ({seconds:.1f} s)", flush=True)
        if code:
            failed.append(check.name)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return len(failed)
