"""A file in memory, without reading it: pages come in when they are touched."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from math import prod
from pathlib import Path

import torch

from max.graph.weights.headers.tensor_info import TensorInfo


def empty_on_pages(shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
    """A tensor on pages of its own, which the system gets back when it is freed.

    The heap keeps what large tensors of different sizes leave behind, up to another copy of the
    model when one is cast.
    """
    size = prod(shape) * dtype.itemsize
    if not size:
        return torch.empty(tuple(shape), dtype=dtype)
    return torch.frombuffer(mmap.mmap(-1, size), dtype=dtype).reshape(tuple(shape))


class MappedFile:
    """A file whose tensors are views of a private mapping.

    Args:
        path: the file; not empty.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            # Private, since torch asks for writable memory; nothing is ever written.
            self._content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)

    def tensor(self, info: TensorInfo, start: int) -> torch.Tensor:
        """The tensor that begins at a byte of the file; shares its memory."""
        dims, dtype = info.shape, info.dtype.to_torch()
        if not prod(dims):
            return torch.empty(dims, dtype=dtype)
        flat = torch.frombuffer(self._content, dtype=dtype, count=prod(dims), offset=start)
        return flat.reshape(dims)

    def release(self, start: int, size: int) -> None:
        """Gives back the memory of a span: the process keeps the mapping, the system its cache.

        Whoever reads there again gets the same bytes.
        """
        first = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
        last = (start + size) // mmap.PAGESIZE * mmap.PAGESIZE
        if last > first and hasattr(mmap, "MADV_DONTNEED"):
            self._content.madvise(mmap.MADV_DONTNEED, first, last - first)
