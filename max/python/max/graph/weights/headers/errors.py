"""Weight files that cannot be read, in words."""

from __future__ import annotations

from pathlib import Path

LFS_POINTER = b"version https://git-lfs"


class WeightsFileError(ValueError):
    """A weight file that is missing or cannot be read."""


def check_is_file(path: Path) -> None:
    """Raises WeightsFileError unless there is a file."""
    if not path.is_file():
        reason = "it is a directory: give the files in it" if path.is_dir() else "no such file"
        raise WeightsFileError(f"cannot read weights from {path}: {reason}")


def truncated(size: int, expected: int, at_least: str = "") -> str:
    """Says that a file is shorter than its header tells."""
    return (
        f"it has {size} bytes instead of {at_least}{expected}; "
        "an interrupted download? Delete it and try again"
    )
