"""The formats of weight files."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from os import PathLike
from pathlib import Path


class WeightsFormat(StrEnum):
    """A format of weight files."""

    gguf = "gguf"
    safetensors = "safetensors"


def file_format(path: Path) -> WeightsFormat | None:
    """The format of a file, told by its first bytes; None when it is neither.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(9)
    if start.startswith(b"GGUF"):
        return WeightsFormat.gguf
    # Eight bytes of length, then JSON that has to begin so: safetensors' README, "Format".
    return WeightsFormat.safetensors if start[8:] == b"{" else None


def is_gguf(path: Path) -> bool:
    """Whether a file is a GGUF file, whatever its name; one that is not here goes by its name."""
    if path.is_file():
        return file_format(path) is WeightsFormat.gguf
    return path.suffix.lower() == ".gguf"


def weight_paths(paths: Iterable[str | PathLike[str]] | str | PathLike[str]) -> list[Path]:
    """The paths of a checkpoint's files; one may stand alone.

    Raises:
        ValueError: if there are none.
    """
    found = [Path(paths)] if isinstance(paths, str | PathLike) else [Path(p) for p in paths]
    if not found:
        raise ValueError("no weight files were given")
    return found


def weights_format(paths: Iterable[str | PathLike[str]] | str | PathLike[str]) -> WeightsFormat:
    """The format of a checkpoint's files, told by their first bytes.

    A file of which they tell nothing (missing, damaged) goes by its name: its reader says the rest.

    Raises:
        ValueError: if there are no files, one of an unknown format, or several formats.
    """
    files = weight_paths(paths)
    formats = {_format(path) for path in files}
    if len(formats) > 1:
        raise ValueError(f"weight files of several formats: {', '.join(map(str, files))}")
    return formats.pop()


def _format(path: Path) -> WeightsFormat:
    found = file_format(path) if path.is_file() else None
    if found is not None:
        return found
    named = path.suffix.lower().removeprefix(".")
    if named not in list(WeightsFormat):
        known = ", ".join(f".{format.value}" for format in WeightsFormat)
        raise ValueError(f"{path} is no weight file: known are {known}")
    return WeightsFormat(named)
