"""The header of a GGUF file: metadata, and where each tensor stands. Reads no tensor data.

The format (ggml/docs/gguf.md), little endian: "GGUF", version, numbers of tensors and of metadata
entries, the entries, the tensors' names, sizes, types and offsets, padding, the data.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from max.graph.weights.headers.errors import (
    LFS_POINTER,
    WeightsFileError,
    check_is_file,
    truncated,
)

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_DEFAULT_ALIGNMENT = 32
_SCALARS = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: struct.Struct("<I"),
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    7: struct.Struct("<?"),
    10: struct.Struct("<Q"),
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}
_STRING, _ARRAY = 8, 9
_INTEGERS = frozenset({0, 1, 2, 3, 4, 5, 10, 11})
# What entries are by the ends of their keys, where it is always the same: whether they are arrays,
# and the kinds of their elements.
_EXPECTED = {
    "general.architecture": (False, {_STRING}),
    "tokenizer.ggml.model": (False, {_STRING}),
    "tokenizer.ggml.pre": (False, {_STRING}),
    "tokenizer.chat_template": (False, {_STRING}),
    "_token_id": (False, _INTEGERS),
    ".add_bos_token": (False, {7}),
    ".add_eos_token": (False, {7}),
    "tokenizer.ggml.tokens": (True, {_STRING}),
    "tokenizer.ggml.merges": (True, {_STRING}),
    "tokenizer.ggml.token_type": (True, _INTEGERS),
    "tokenizer.ggml.scores": (True, {6, 12}),
}
_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")
# ggml's limit is 4; more means that something else is being read.
_MOST_AXES = 8
# Far more than any model has: a vocabulary has 300,000 entries, 1,000 layers 20,000 tensors.
_MOST_TENSORS = 1 << 20
_MOST_ENTRIES = 1 << 16
_MOST_ELEMENTS = 1 << 23
_MOST_BYTES_OF_TEXT = 1 << 26
# Of a name; ggml's own limit for tensors is 64.
_MOST_NAME = 1024
# Of all of it; vocabularies and merges take up to 30 MB.
_MOST_HEADER_BYTES = 1 << 27


class GGUFTensor(NamedTuple):
    """One tensor of a GGUF file.

    Attributes:
        shape: in elements, the slowest axis first (the file has them the other way round).
        ggml_type: number of the type in ggml.h.
        offset: of its first byte, from the start of the data.
    """

    shape: tuple[int, ...]
    ggml_type: int
    offset: int


class GGUFHeader(NamedTuple):
    """What stands before the data.

    Attributes:
        metadata: the entries; arrays are read when they are asked for.
        tensors: by name, in the order of the file.
        data_start: where the data begins, in bytes.
        size: of the whole file, in bytes.
    """

    metadata: Mapping[str, Any]
    tensors: Mapping[str, GGUFTensor]
    data_start: int
    size: int


def read_gguf_header(path: Path) -> GGUFHeader:
    """The header of a file.

    Raises:
        WeightsFileError: if the file is missing, truncated, of another format or version.
    """
    check_is_file(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(max(len(LFS_POINTER), 8))
        if problem := _problem_of_start(start, size):
            raise WeightsFileError(f"cannot read weights from {path}: {problem}")
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        return _parse(content, size)
    except (struct.error, IndexError) as error:
        reason = truncated(size, size + 1, "at least ")
        raise WeightsFileError(f"cannot read weights from {path}: {reason}") from error
    except (ValueError, OverflowError, RecursionError) as error:
        raise WeightsFileError(f"cannot read weights from {path}: {error}") from error


def _problem_of_start(start: bytes, size: int) -> str | None:
    if start.startswith(LFS_POINTER):
        return "it is a git-lfs pointer, not the weights; run `git lfs pull`"
    if not start.startswith(_MAGIC):
        return f"it is no GGUF file ({size} bytes that begin with {start[:8]!r})"
    if len(start) < 8:
        return f"it has only {size} bytes; an interrupted download? Delete it and try again"
    version = _U32.unpack_from(start, 4)[0]
    if version in _VERSIONS:
        return None
    if int.from_bytes(start[4:8], "big") in _VERSIONS:
        return "it is big endian; convert it again on this machine"
    known = ", ".join(map(str, _VERSIONS))
    return f"it is GGUF version {version}; known are {known}. Convert the model again"


def _parse(content: mmap.mmap, size: int) -> GGUFHeader:
    cursor = _Cursor(content, 8)
    num_tensors, num_entries = cursor.scalar(_U64), cursor.scalar(_U64)
    _check_count("tensors", num_tensors, _MOST_TENSORS)
    _check_count("metadata entries", num_entries, _MOST_ENTRIES)
    metadata = _Metadata(content)
    for _ in range(num_entries):
        key = cursor.name("a metadata entry")
        metadata.spans[key] = cursor.skip_value()
        _check_kind(key, *metadata.spans[key])
        _check_count("bytes of header", cursor.position, _MOST_HEADER_BYTES)
    tensors: dict[str, GGUFTensor] = {}
    for _ in range(num_tensors):
        name = cursor.name("a tensor")
        if name in tensors:
            raise ValueError(f"it has two tensors '{name}'")
        num_axes = cursor.scalar(_U32)
        if num_axes > _MOST_AXES:
            raise ValueError(f"tensor '{name}' has {num_axes} axes; the file is damaged")
        axes = [cursor.scalar(_U64) for _ in range(num_axes)]
        ggml_type, offset = cursor.scalar(_U32), cursor.scalar(_U64)
        tensors[name] = GGUFTensor(tuple(reversed(axes)), ggml_type, offset)
        _check_count("bytes of header", cursor.position, _MOST_HEADER_BYTES)
    alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
    if not isinstance(alignment, int) or alignment <= 0:
        raise ValueError(f"general.alignment is {alignment!r}; the file is damaged")
    data_start = -(-cursor.position // alignment) * alignment
    return GGUFHeader(metadata, tensors, data_start, size)


def _check_count(what: str, count: int, most: int) -> None:
    if count > most:
        raise ValueError(f"it should have {count} {what}, more than {most}; the file is damaged")


def _check_kind(key: str, is_array: bool, span: _Span) -> None:
    for end, (expects_array, kinds) in _EXPECTED.items():
        if key.endswith(end) and (is_array is not expects_array or span.kind not in kinds):
            raise ValueError(f"its metadata '{key}' is of another kind than it should be")


class _Span(NamedTuple):
    """Where a value stands; kind and length are those of the elements of an array."""

    kind: int
    start: int
    length: int


class _Metadata(Mapping[str, Any]):
    """The entries by key, each read from the file when it is asked for."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        self.spans: dict[str, tuple[bool, _Span]] = {}

    def __getitem__(self, key: str) -> Any:
        is_array, (kind, start, count) = self.spans[key]
        cursor = _Cursor(self._content, start)
        if not is_array:
            return cursor.value(kind)
        if kind == _STRING:
            return cursor.strings(count)
        if kind == _ARRAY:
            raise ValueError(f"metadata '{key}' is an array of arrays")
        scalar = _SCALARS[kind]
        whole = self._content[start : start + count * scalar.size]
        return [value for (value,) in scalar.iter_unpack(whole)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.spans)

    def __len__(self) -> int:
        return len(self.spans)


class _Cursor:
    """Reads values one after another."""

    def __init__(self, content: mmap.mmap, position: int) -> None:
        self._content = content
        self.position = position

    def scalar(self, kind: struct.Struct) -> Any:
        (value,) = kind.unpack_from(self._content, self.position)
        self.position += kind.size
        return value

    def string(self) -> str:
        length = self.scalar(_U64)
        _check_count("bytes of text", length, _MOST_BYTES_OF_TEXT)
        start, self.position = self.position, self.position + length
        if self.position > len(self._content):
            raise IndexError(self.position)
        return self._content[start : self.position].decode("utf-8", "replace")

    def name(self, what: str) -> str:
        """A text that may be shown to people."""
        name = self.string()
        if len(name) > _MOST_NAME or not name.isprintable():
            raise ValueError(f"{what} is called {name[:60]!r}; the file is damaged")
        return name

    def strings(self, count: int) -> list[str]:
        return [self.string() for _ in range(count)]

    def value(self, kind: int) -> Any:
        return self.string() if kind == _STRING else self.scalar(_known_scalar(kind))

    def skip_value(self) -> tuple[bool, _Span]:
        """Goes behind a value; tells whether it is an array, and where it stands."""
        kind = self.scalar(_U32)
        is_array = kind == _ARRAY
        count = 1
        if is_array:
            kind, count = self.scalar(_U32), self.scalar(_U64)
            _check_count("elements of an array", count, _MOST_ELEMENTS)
        span = _Span(kind, self.position, count)
        if kind == _STRING:
            self._skip_strings(count)
        else:
            self.position += count * _known_scalar(kind).size
        if self.position > len(self._content):
            raise IndexError(self.position)
        return is_array, span

    def _skip_strings(self, count: int) -> None:
        """The vocabulary has hundreds of thousands: this is the whole time of reading a header."""
        position, length_at, content = self.position, _U64.unpack_from, self._content
        for _ in range(count):
            position += 8 + length_at(content, position)[0]
        self.position = position


def _known_scalar(kind: int) -> struct.Struct:
    if kind not in _SCALARS:
        raise ValueError(f"it has a metadata value of the unknown type {kind}; is it damaged?")
    return _SCALARS[kind]
