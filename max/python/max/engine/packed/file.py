"""One file of tensors that is used where it lies: its format, writing and mapping it.

    magic, length of the header | header (JSON) | tensors | checksums
                                4096            64       8

A checksum is the sum of a mebibyte's 64-bit integers, of all before the checksums: wrong bytes of a
disk show, and a gigabyte takes about as long as reading it once.
"""

from __future__ import annotations

import json
import mmap
import os
import shutil
import struct
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from max.driver.cache_folder import CacheFolderError, only_ours_write, scratch_folder
from max.dtype import DType
from max.engine.packed.pieces import PieceWriter
from max.kernels.memory import empty_in_huge_pages

_MAGIC = b"MAXPACK1"
_PAGE, _CACHE_LINE, _SUM = 4096, 64, 8
_SUMMED = 2**20
# Of a mapping: with 59 % in huge pages products of one row took 14 % longer than from a copy, so
# less than this costs 3 %. A file of which the system forgot and read again a part has 95 %.
_ENOUGH_HUGE = 0.92


class PackedFileError(ValueError):
    """A file is not what was written."""


class _Place(NamedTuple):
    """A tensor's line of the header; `start` is from the file's beginning."""

    dtype: str
    shape: list[int]
    start: int


def write_packed_file(
    path: Path, tensors: Mapping[str, torch.Tensor], on_written: Callable[[int], object]
) -> None:
    """Writes a file; it appears as a whole.

    Args:
        path: the file.
        tensors: on the host.
        on_written: told how many bytes more were written, now and then.

    Raises:
        CacheFolderError: if the folder cannot be made, or the disk has no room for the file.
    """
    header, size = _header(tensors)
    with scratch_folder(path.parent) as scratch:
        free = shutil.disk_usage(scratch).free
        if size >= free:
            raise CacheFolderError(
                f"{path.parent} has {free / 1e9:.1f} GB left, the weights take {size / 1e9:.1f}: "
                "set MODULAR_MAX_CACHE_DIR to a folder with more room"
            )
        fresh = scratch / path.name
        with (
            fresh.open("wb", buffering=0) as file,
            PieceWriter(file, on_written) as pieces,
        ):
            pieces.write(header)
            for tensor in tensors.values():
                _pad(pieces, _CACHE_LINE)
                pieces.write(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
            _pad(pieces, _CACHE_LINE)
        _forget_pages(fresh)
        sums = _sums(_mapped(fresh))
        with fresh.open("ab") as end:
            end.write(sums.data)
        fresh.chmod(0o644)  # whatever the umask: only its owner writes to it
        fresh.rename(path)


def map_packed_file(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file by name: views of its mapping, or copies in huge pages where the system
    does not map it in such.

    Raises:
        PackedFileError: if it is truncated or damaged, or others could have written it: kernels
            go where it tells them.
        OSError: if it cannot be read.
    """
    if not only_ours_write(path):
        raise PackedFileError("others than its user may write to it")
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(_PAGE)
        length = struct.unpack_from("<Q", start, len(_MAGIC))[0] if len(start) == _PAGE else 0
        if not start.startswith(_MAGIC) or not 0 < length < size:
            raise PackedFileError("it does not begin as such a file does")
        header = (start + file.read(length))[len(_MAGIC) + 8 :][:length]
    try:
        end, lines = json.loads(header)
        places = {name: _Place(*line) for name, line in lines.items()}
    except (ValueError, TypeError) as error:
        raise PackedFileError(f"its header is damaged: {error}") from error
    expected = end + _SUM * -(-end // _SUMMED)
    if size != expected:
        raise PackedFileError(f"it has {size} bytes, not {expected}")
    content = _checked(path, end)
    if _is_scattered(content, end):
        # In small pages since memory was scarce when it was read: what is read now seldom is, and
        # the next starts find it so.
        del content
        _forget_pages(path)
        content = _checked(path, end)
        if _is_scattered(content, end):
            content = empty_in_huge_pages([end], torch.uint8).copy_(content[:end])
    return {name: _view(content, place) for name, place in places.items()}


def _checked(path: Path, end: int) -> torch.Tensor:
    content = _mapped(path)
    if not np.array_equal(_sums(content[:end]), content[end:].numpy().view(np.int64)):
        raise PackedFileError("its checksums are wrong")
    return content


def _is_scattered(content: torch.Tensor, end: int) -> bool:
    return end > _SUMMED and _huge_bytes(content) < _ENOUGH_HUGE * end


def _header(tensors: Mapping[str, torch.Tensor]) -> tuple[bytes, int]:
    """The file's beginning, in whole pages, and where the checksums begin."""
    names = {name: DType.from_torch(tensor.dtype).value for name, tensor in tensors.items()}
    # As long as it could get: where the tensors begin must be known before it is written.
    room = 128 + sum(len(json.dumps(name)) + 64 + 16 * t.ndim for name, t in tensors.items())
    position = -(-room // _PAGE) * _PAGE
    places: dict[str, _Place] = {}
    for name, tensor in tensors.items():
        places[name] = _Place(names[name], list(tensor.shape), position)
        position = -(-(position + tensor.nbytes) // _CACHE_LINE) * _CACHE_LINE
    text = json.dumps([position, places]).encode()
    begin = _MAGIC + struct.pack("<Q", len(text)) + text
    return begin + bytes(-(-room // _PAGE) * _PAGE - len(begin)), position


def _pad(pieces: PieceWriter, alignment: int) -> None:
    pieces.write(bytes(-pieces.tell() % alignment))


def _mapped(path: Path) -> torch.Tensor:
    """A file's bytes, not read yet; in huge pages where the system has them."""
    with path.open("rb") as file:
        # Private, since torch asks for writable memory; nothing is ever written.
        pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        pages.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(pages, dtype=torch.uint8)


def _forget_pages(path: Path) -> None:
    """What is read next comes from the disk, into large pages where there are any: memory that is
    read is found for them more often than for what is written."""
    if hasattr(os, "posix_fadvise"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _sums(content: torch.Tensor) -> npt.NDArray[np.int64]:
    """NumPy's, which leaves Python to others meanwhile and needs no other threads."""
    numbers = content.numpy().view(np.int64)
    whole = len(numbers) // (_SUMMED // _SUM) * (_SUMMED // _SUM)
    sums = numbers[:whole].reshape(-1, _SUMMED // _SUM).sum(1)
    rest = numbers[whole:]
    return np.append(sums, rest.sum()) if len(rest) else sums


def _view(content: torch.Tensor, place: _Place) -> torch.Tensor:
    flat = content[place.start : place.start + _nbytes(place)]
    return flat.view(DType(place.dtype).to_torch()).view(place.shape)


def _nbytes(place: _Place) -> int:
    return prod(place.shape) * DType(place.dtype).size_in_bytes


def _huge_bytes(content: torch.Tensor) -> int:
    """How many bytes of a mapping that was read are in huge pages; Linux tells."""
    smaps = Path(f"/proc/{os.getpid()}/smaps")
    if not smaps.exists():
        return 0
    address, is_inside = content.data_ptr(), False
    for line in smaps.read_text().splitlines():
        key, *values = line.split()
        if not key.endswith(":"):
            first, last = (int(number, 16) for number in key.split("-"))
            is_inside = first <= address < last
        elif is_inside and key == "FilePmdMapped:":
            return int(values[0]) * 1024
    return 0
