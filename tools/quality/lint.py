"""Checks the sources: `./bazelw run //:lint`, or `python3 -m tools.quality.lint` without Bazel."""

from __future__ import annotations

import sys

from tools.quality.checks import PYTHON_PATHS, Check, buildifier_checks, find_tools, run_all


def main(argv: list[str]) -> int:
    """Runs every check and returns the exit code."""
    tools = find_tools(argv)
    python = [tools.python, "-m"]
    checks = [
        Check("ruff check", [*python, "ruff", "check", *PYTHON_PATHS]),
        Check("ruff format", [*python, "ruff", "format", "--check", *PYTHON_PATHS]),
        Check("mypy", [*python, "mypy", *PYTHON_PATHS]),
        Check("layers", [*python, "tools.build.layers"]),
        Check("imports versus deps", [*python, "tools.update_build_files", "--check"]),
        Check("links of documentation", [*python, "tools.quality.links"]),
        Check("supported models", [*python, "tools.update_supported_models", "--check"]),
        *buildifier_checks(tools, "-mode=check", "-lint=warn"),
    ]
    return 1 if run_all(tools, checks) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
