"""Where things that can be made again are kept."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

_SCRATCH = "scratch"


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
        _make_folders(path)
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
    if (parent := _exchangeable_in(path)) is not None:
        raise CacheFolderError(
            f"others than its user may write to {parent}, and so put another folder in the place of"
            f" {path}: take that right from them (chmod go-w), or set MODULAR_MAX_CACHE_DIR to a "
            "folder of your own"
        )
    return path


def only_ours_write(path: Path) -> bool:
    """Whether a file is there, and nobody but its user, who is ours or root, may write to it, or
    put another one in its place."""
    try:
        found = path.stat()
    except OSError:
        return False
    is_ours = found.st_uid in (os.geteuid(), 0) and not found.st_mode & 0o022
    return is_ours and _exchangeable_in(path) is None


def _make_folders(path: Path) -> None:
    """Makes a folder and those above it that are not there, for their user alone."""
    for folder in (*reversed(path.parents), path):
        if not folder.is_dir():
            folder.mkdir(mode=0o700, exist_ok=True)


def _exchangeable_in(path: Path) -> Path | None:
    """The folder above in which others may put something else in a path's place, if there is one.

    In a folder with the sticky bit, as /tmp, everybody has their own. A group that is its user's
    own, as many systems have it, or root's, is nobody else.
    """
    # Those above a link, and those above what it leads to.
    parents = {*Path(os.path.abspath(path)).parents, *Path(os.path.realpath(path)).parents}
    for parent in sorted(parents):
        found = parent.stat()
        is_group_ours = found.st_gid in (0, os.getegid()) and found.st_gid in (0, os.geteuid())
        others = stat.S_IWOTH | (0 if is_group_ours else stat.S_IWGRP)
        is_sticky = found.st_mode & stat.S_ISVTX
        if found.st_uid not in (os.geteuid(), 0) or (found.st_mode & others and not is_sticky):
            return parent
    return None


@contextlib.contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """An empty folder in `parent`, which is made if need be; removed afterwards.

    What is made in it is moved to its place in one step, so that nobody sees half of it. What
    processes that were killed have left there is removed.

    Raises:
        CacheFolderError: if the folder cannot be made.
    """
    try:
        _make_folders(parent)
        _remove_abandoned(parent)
        made = Path(tempfile.mkdtemp(prefix=".new-", dir=parent))
        lock = os.open(made, os.O_RDONLY)
    except OSError as error:
        raise _not_writable(parent, error) from error
    try:
        # Only who has its lock has its name; a file system without locks has neither.
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            made = made.rename(parent / f"{_SCRATCH}{made.name}")
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


def _remove_abandoned(parent: Path) -> None:
    """Removes the scratch folders of processes that have ended: nobody has their locks."""
    for folder in parent.glob(f"{_SCRATCH}*"):
        with contextlib.suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _not_writable(folder: Path, error: OSError) -> CacheFolderError:
    return CacheFolderError(
        f"cannot write to the cache {folder}: {error}; set MODULAR_MAX_CACHE_DIR to a folder "
        "that you may write"
    )
