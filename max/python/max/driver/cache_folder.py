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


def private_folder(path: Path) -> Path:
    """A folder of what this process runs or believes: only its user and root may write to it.

    It is made if need be.

    Raises:
        CacheFolderError: if others may write to it, or it cannot be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
        if found.st_uid == os.geteuid() and found.st_mode & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise _not_writable(path, error) from error
    is_roots = found.st_uid == 0 and not found.st_mode & 0o022
    if found.st_uid != os.geteuid() and not is_roots:
        raise CacheFolderError(
            f"{path} belongs to user {found.st_uid}, and others could change the code in it: "
            "set MODULAR_MAX_CACHE_DIR to a folder of your own"
        )
    return path


def only_ours_write(path: Path) -> bool:
    """Whether a file is there, and nobody but its user, who is ours or root, may write to it."""
    try:
        found = path.stat()
    except OSError:
        return False
    return found.st_uid in (os.geteuid(), 0) and not found.st_mode & 0o022


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
        raise _not_writable(parent, error) from error
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _not_writable(folder: Path, error: OSError) -> CacheFolderError:
    return CacheFolderError(
        f"cannot write to the cache {folder}: {error}; set MODULAR_MAX_CACHE_DIR to a folder "
        "that you may write"
    )
