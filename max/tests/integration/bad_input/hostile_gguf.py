"""Ways to make a GGUF file hostile: each a name and a function that changes a good one."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import gguf

Spoil = Callable[[Path], None]

_COUNTS = (0, 1, 2**20, 2**60, 2**64 - 1)
# Text, float, boolean, an array, and numbers of no kind.
_KINDS = (8, 6, 7, 9, 13, 2**32 - 1)
_AXES = (0, 1, 3, 9, 2**32 - 1)
_SIZES = (0, 1, 2**31, 2**62, 2**63, 2**64 - 1)
_TYPES = (0, 1, 8, 12, 31, 99, 2**32 - 1)
_OFFSETS = (0, 1, 2**40, 2**63, 2**64 - 32)
_SEEDS = 60


class _Entry(NamedTuple):
    name: str
    value_at: int


class _Tensor(NamedTuple):
    name: str
    axes_at: int
    num_axes: int


def hostile_ggufs(good: Path) -> Iterator[tuple[str, Spoil]]:
    """All of them; `good` is a file like those that are changed."""
    for at, what in ((8, "tensors"), (16, "entries")):
        for count in _COUNTS:
            yield f"{what}-{count}", partial(_put, at, struct.pack("<Q", count))
    reader = gguf.GGUFReader(good)
    entries = [_entry(field) for name, field in reader.fields.items() if name[:5] != "GGUF."]
    tensors = [_tensor(tensor) for tensor in reader.tensors]
    del reader
    for entry in entries:
        for kind in _KINDS:
            put = partial(_put, entry.value_at, struct.pack("<I", kind))
            yield f"{entry.name}-kind-{kind}", put
        for value in (bytes(8), b"\xff" * 8, struct.pack("<IQ", 9, 2**60)):
            yield f"{entry.name}-{value.hex()}", partial(_put, entry.value_at + 4, value)
    for tensor in (tensors[0], tensors[1], tensors[-1]):
        yield from _of_tensor(tensor)
    size = good.stat().st_size
    for part in range(8):
        yield f"cut-at-{part}-of-8", partial(_cut, size * part // 8)
    header = tensors[-1].axes_at
    for seed in range(_SEEDS):
        yield f"bytes-{seed}", partial(_scatter, seed, header)


def _of_tensor(tensor: _Tensor) -> Iterator[tuple[str, Spoil]]:
    kind_at = tensor.axes_at + 4 + 8 * tensor.num_axes
    for form, at, values in (
        ("<I", tensor.axes_at, _AXES),
        ("<Q", tensor.axes_at + 4, _SIZES),
        ("<I", kind_at, _TYPES),
        ("<Q", kind_at + 4, _OFFSETS),
    ):
        for value in values:
            yield (
                f"{tensor.name}-{at - tensor.axes_at}-{value}",
                partial(_put, at, struct.pack(form, value)),
            )


def _entry(field: gguf.ReaderField) -> _Entry:
    return _Entry(field.name, field.offset + 8 + len(field.name.encode()))


def _tensor(tensor: gguf.ReaderTensor) -> _Tensor:
    axes_at = tensor.field.offset + 8 + len(tensor.name.encode())
    return _Tensor(tensor.name, axes_at, len(tensor.shape))


def _put(at: int, value: bytes, path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[at : at + len(value)] = value
    path.write_bytes(content)


def _cut(size: int, path: Path) -> None:
    path.write_bytes(path.read_bytes()[:size])


def _scatter(seed: int, end: int, path: Path) -> None:
    """A few bytes of the header, others than they were."""
    chosen = random.Random(seed)
    for _ in range(chosen.randint(1, 5)):
        _put(chosen.randrange(4, end), chosen.randbytes(chosen.choice((1, 1, 4, 8))), path)
