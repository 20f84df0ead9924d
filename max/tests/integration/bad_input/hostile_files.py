"""Ways to make a file hostile: functions that change it in a good folder."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

Spoil = Callable[[Path], None]

DEEP = 100_000
VALUES: tuple[Any, ...] = (
    *(0, -1, 1.5, True, None, "x", [], {}, [1]),
    *(float("nan"), float("inf"), 2**31, 10**12, 10**30),
)
_BROKEN = ("[]", "1", "null", '"x"', "{", '{"a":' * DEEP, '{"a":"' + "x" * (40 << 20) + '"}')


def set_fields(file: str, fields: dict[str, Any], folder: Path) -> None:
    path = folder / file
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(content | fields))


def write(file: str, content: str | bytes, folder: Path) -> None:
    (folder / file).write_bytes(content.encode() if isinstance(content, str) else content)


def replace(file: str, how: Callable[[Path], object], folder: Path) -> None:
    (folder / file).unlink(missing_ok=True)
    how(folder / file)


def wrong_fields(file: str, names: list[str]) -> Iterator[tuple[str, Spoil]]:
    """A JSON file with values of all kinds."""
    for name in names:
        for value in VALUES:
            yield f"{file}-{name}-{value!r}", partial(set_fields, file, {name: value})


def no_objects(file: str) -> Iterator[tuple[str, Spoil]]:
    """What stands in the place of a JSON object."""
    for content in _BROKEN:
        yield f"{file}-{content[:12]}-{len(content)}", partial(write, file, content)


def no_files(file: str) -> Iterator[tuple[str, Spoil]]:
    """What stands in the place of a file; links lead to files that are no model's, or nowhere."""
    for target in ("/etc/passwd", "/dev/zero", file):
        yield f"{file}-link-{target}", partial(replace, file, partial(_link, target))
    yield f"{file}-fifo", partial(replace, file, os.mkfifo)
    yield f"{file}-folder", partial(replace, file, Path.mkdir)


def _link(target: str, path: Path) -> None:
    path.symlink_to(target)


def safetensors(file: str) -> Iterator[tuple[str, Spoil]]:
    """Headers of a safetensors file."""
    for length in (0, 7, 99_999_000, 100_000_000, 2**63, 2**64 - 1):
        yield f"header-of-{length}", partial(_set_length, file, length)
    for header in (
        b"[]",
        b"{",
        b'{"a":' * DEEP,
        b'{"a":5}',
        b'{"a":{"dtype":"F32","shape":[NaN]}}',
    ):
        content = struct.pack("<Q", len(header)) + header
        yield f"header-{header[:30]!r}", partial(write, file, content)
    changes: dict[str, tuple[Any, ...]] = {
        "dtype": ("X", 5, None, "I64"),
        "shape": ([-1, 2], [2**62, 4], [2**63], [10**30], [], [0], "x", None, [1.5], [1] * 5000),
        "data_offsets": (
            [0, -1],
            [-4, 0],
            [2**62, 2**62 + 4],
            [5],
            "x",
            [4, 0],
            [0, 2**63],
            [0, 8],
        ),
    }
    for field, values in changes.items():
        for value in values:
            yield (
                f"tensor-{field}-{str(value)[:30]}",
                partial(_change_first, file, field, value),
            )
    yield "tensors-overlap", partial(_overlap, file)
    yield "tensor-twice", partial(_change_header, file, lambda head: head[:-1] + b"," + head[1:])


def _set_length(file: str, length: int, folder: Path) -> None:
    content = (folder / file).read_bytes()
    (folder / file).write_bytes(struct.pack("<Q", length) + content[8:])


def _change_header(file: str, change: Callable[[bytes], bytes], folder: Path) -> None:
    content = (folder / file).read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = change(content[8:end].rstrip())
    (folder / file).write_bytes(struct.pack("<Q", len(header)) + header + content[end:])


def change_tensors(
    file: str, change: Callable[[dict[str, dict[str, Any]]], object], folder: Path
) -> None:
    """Changes what the header says of the tensors, by their names."""

    def changed(header: bytes) -> bytes:
        entries = json.loads(header)
        metadata = entries.pop("__metadata__", None)
        change(entries)
        return json.dumps(
            entries if metadata is None else {"__metadata__": metadata, **entries}
        ).encode()

    _change_header(file, changed, folder)


def _change_first(file: str, field: str, value: object, folder: Path) -> None:
    def change(tensors: dict[str, dict[str, Any]]) -> None:
        next(iter(tensors.values()))[field] = value

    change_tensors(file, change, folder)


def _overlap(file: str, folder: Path) -> None:
    def change(tensors: dict[str, dict[str, Any]]) -> None:
        first, second, *_ = tensors.values()
        second["data_offsets"] = first["data_offsets"]

    change_tensors(file, change, folder)
