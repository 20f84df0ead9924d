"""Where things that can be made again are kept."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class CacheFolderError(ValueError):
    """The cache cannot be written to."""


def cache_root() -> Path:
    """$MODULAR_MAX_CACHE_DIR, or ~/.cache/max; it need not exist yet."""
    return Path(os.environ.get("MODULAR_MAX_CACHE_DIR") or Path.home() / ".cache" / "max")


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """An empty folder in `parent`, which is made if need be; removed afterwards.

    What is made in it is moved to its place in one step, so that nobody sees half of it.

    Raises:
        CacheFolderError: if the folder cannot be made.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=parent))
    except OSError as error:
        raise CacheFolderError(
            f"cannot write to the cache {parent}: {error}; set MODULAR_MAX_CACHE_DIR to a folder "
            "that you may write"
        ) from error
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
