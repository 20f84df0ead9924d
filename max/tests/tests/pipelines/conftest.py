"""Checkpoints made on the spot: headers and zeros, no trained weights."""

from __future__ import annotations

import json
import math
import os
import struct
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

_BYTES = {"F32": 4, "BF16": 2, "F16": 2, "F8_E4M3": 1, "I64": 8}


def _write_safetensors(path: Path, tensors: Mapping[str, tuple[str, list[int]]]) -> Path:
    """Writes zeros: the format is 8 bytes of header length, the JSON header, the data."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, shape) in tensors.items():
        start, end = end, end + math.prod(shape) * _BYTES[dtype]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))
    return path


@pytest.fixture
def write_safetensors() -> Callable[..., Path]:
    """`write_safetensors(path, {name: (dtype, shape)})` writes a file of zeros."""
    return _write_safetensors


@pytest.fixture
def make_checkpoint(tmp_path: Path) -> Callable[..., Path]:
    """`make_checkpoint(dtype="BF16", **config)` makes the folder of a Llama checkpoint."""

    def make(dtype: str = "BF16", folder: str = "model", **config: object) -> Path:
        path = tmp_path / folder
        path.mkdir()
        values = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", **config}
        (path / "config.json").write_text(json.dumps(values))
        _write_safetensors(path / "model.safetensors", {"model.norm.weight": (dtype, [16])})
        return path

    return make


@pytest.fixture
def child_environment() -> dict[str, str]:
    """Environment in which a child process imports what this process can."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
