"""Which requests a worker was working on when it died.

A file in the worker's folder holds the requests of the step that runs, and how many tokens each
has. What is written to a file is the system's: it outlives the process, however that ends, which a
message to another process, waiting in a thread of ours, would not.

    length of the rest, 4 bytes, little-endian | "id number-of-tokens", one per line

A length of 0 says that no step runs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_NAME = "black-box"
_LENGTH_BYTES = 4
_EMPTY = bytes(_LENGTH_BYTES)


class BlackBox:
    """The worker's end. A step costs two writes of a few hundred bytes."""

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder / _NAME, os.O_WRONLY | os.O_CREAT, 0o600)

    @contextmanager
    def working_on(self, lengths: Mapping[str, int]) -> Iterator[None]:
        """Says that what happens in the block is done for these requests.

        Args:
            lengths: How many tokens each of them has.

        An exception leaves that standing: it ends the worker, unless whoever catches it calls
        `clear`.
        """
        text = "\n".join(f"{name} {length}" for name, length in lengths.items()).encode()
        os.pwrite(self._fd, len(text).to_bytes(_LENGTH_BYTES, "little") + text, 0)
        yield
        self.clear()

    def clear(self) -> None:
        """Says that no request is being worked on."""
        os.pwrite(self._fd, _EMPTY, 0)

    def close(self) -> None:
        """Closes the file; it stays."""
        os.close(self._fd)


def last_requests(folder: Path) -> dict[str, int]:
    """What a worker that has ended was working on; nothing if it was between two steps.

    Returns:
        How many tokens each of the requests had.
    """
    try:
        data = (folder / _NAME).read_bytes()
    except FileNotFoundError:
        return {}
    end = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "little")
    lines = data[_LENGTH_BYTES:end].decode().splitlines()
    return {name: int(length) for name, _, length in (line.rpartition(" ") for line in lines)}
