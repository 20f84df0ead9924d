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
    """The format of a checkpoint's files, told by their suffixes.

    Raises:
        ValueError: if there are no files, an unknown suffix, or several formats.
    """
    files = weight_paths(paths)
    suffixes = {p.suffix.removeprefix(".") for p in files}
    known = [f.value for f in WeightsFormat]
    if len(suffixes) > 1:
        raise ValueError(f"weight files of several formats: {', '.join(map(str, files))}")
    if not suffixes <= set(known):
        raise ValueError(f"{files[0]} is no weight file: known are .{', .'.join(known)}")
    return WeightsFormat(suffixes.pop())
