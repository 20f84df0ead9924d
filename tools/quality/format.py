"""Formats the sources: `./bazelw run //:format`, else `python3 -m tools.quality.format`."""

from __future__ import annotations

import sys

from tools.quality.checks import PYTHON_PATHS, Check, buildifier_checks, find_tools, run_all


def main(argv: list[str]) -> int:
    """Formats everything and returns the exit code."""
    tools = find_tools(argv)
    ruff = [tools.python, "-m", "ruff"]
    checks = [
        Check("sorted imports", [*ruff, "check", "--select=I", "--fix", *PYTHON_PATHS]),
        Check("ruff format", [*ruff, "format", *PYTHON_PATHS]),
        *buildifier_checks(tools, "-mode=fix"),
    ]
    return 1 if run_all(tools, checks) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
