"""The folder of the sockets between the API process and one worker."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

# sockaddr_un.sun_path holds 108 bytes; the folder's name and "/commands" need about 30 of them.
MAX_PARENT_LENGTH = 70

_PREFIX = "max-serve-"
_LOCK = "lock"


class Endpoints(NamedTuple):
    """Where both channels are; picklable, so that the worker can be told."""

    folder: Path
    commands: str
    events: str


class EndpointFolder:
    """A private folder that holds the sockets of one worker; `close` removes it."""

    def __init__(self) -> None:
        parent = tempfile.gettempdir()
        if len(parent) > MAX_PARENT_LENGTH:
            parent = "/tmp"
        remove_abandoned(Path(parent))
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        self._lock = (self.path / f"{_LOCK}.new").open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        (self.path / f"{_LOCK}.new").rename(self.path / _LOCK)
        self.endpoints = Endpoints(
            folder=self.path,
            commands=f"ipc://{self.path}/commands",
            events=f"ipc://{self.path}/events",
        )

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def remove_abandoned(parent: Path) -> None:
    """Removes the folders of servers that were killed together with their workers.

    A server that lives has its lock, in whatever container.
    """
    for lock in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        with contextlib.suppress(OSError), lock.open("rb") as file:
            if os.fstat(file.fileno()).st_uid == os.geteuid():
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
