"""Paths that a user gives on the command line."""

from __future__ import annotations

import os
from pathlib import Path


def user_path(path: str | Path) -> Path:
    """The path, taken from the folder where the user stands (`bazel run` starts elsewhere)."""
    return Path(os.environ.get("BUILD_WORKING_DIRECTORY", "")) / Path(path).expanduser()
