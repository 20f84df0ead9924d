"""Which requests a worker was working on when it died.

A file in the worker's folder holds the requests of the step that runs, and how many tokens each
has. What is written to a file, or to memory that is one, is the system's: it outlives the process,
however that ends, which a message to another process, waiting in a thread of ours, would not.

    steps begun, 8 bytes | length of the rest, 4 bytes | "id number-of-tokens", one per line

Numbers are little-endian. A length of 0 says that no step runs.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_NAME = "crash-record"
_STEPS = slice(0, 8)
_LENGTH = slice(8, 12)
_HEAD = _LENGTH.stop
_EMPTY = bytes(4)
_ROOM = 1 << 16


class CrashRecord:
    """The worker's end. A step costs two writes to memory of a few hundred bytes."""

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT, 0o600)
        self._steps = 0
        self._named: Mapping[str, int] = {}
        self._make_room(_ROOM)

    @contextmanager
    def working_on(self, lengths: Mapping[str, int]) -> Iterator[None]:
        """Says that what happens in the block is done for these requests.

        Args:
            lengths: How many tokens each of them has. Those that were named before are so still.

        An exception leaves that standing: it ends the worker, unless whoever catches it calls
        `clear`.
        """
        before = self._named
        self.write({**before, **lengths} if before else lengths)
        yield
        if before:
            self.write(before)
        else:
            self.clear()

    def write(self, lengths: Mapping[str, int]) -> None:
        """Says that these requests, and no others, are being worked on."""
        text = "\n".join(f"{name} {length}" for name, length in lengths.items()).encode()
        end = _HEAD + len(text)
        if end > len(self._memory):
            self._make_room(end)
        self.clear()
        self._named = lengths
        self._steps += 1
        self._memory[_STEPS] = self._steps.to_bytes(8, "little")
        self._memory[_HEAD:end] = text
        # What stands there counts from here on.
        self._memory[_LENGTH] = len(text).to_bytes(4, "little")

    def clear(self) -> None:
        """Says that no request is being worked on."""
        self._memory[_LENGTH] = _EMPTY
        self._named = {}

    def close(self) -> None:
        """Closes the file; it stays."""
        self._memory.close()
        os.close(self._fd)

    def _make_room(self, size: int) -> None:
        """Raises OSError here where the disk is full, not SIGBUS later."""
        os.posix_fallocate(self._fd, 0, size)
        self._memory = mmap.mmap(self._fd, size)


def last_requests(folder: Path) -> dict[str, int]:
    """What a worker that has ended was working on; nothing if it was between two steps, or if it
    wrote over its record while it went wrong.

    Returns:
        How many tokens each of the requests had.
    """
    try:
        data = (folder / _NAME).read_bytes()
        end = _HEAD + int.from_bytes(data[_LENGTH], "little")
        lines = data[_HEAD:end].decode().splitlines()
        return {name: int(length) for name, _, length in (line.rpartition(" ") for line in lines)}
    except (OSError, ValueError):
        return {}


def steps_begun(folder: Path) -> int:
    """How much a worker has begun: the number changes while it works."""
    try:
        with (folder / _NAME).open("rb") as file:
            return int.from_bytes(file.read(_HEAD)[_STEPS], "little")
    except OSError:  # It is not there yet, or there are too many open files.
        return 0
