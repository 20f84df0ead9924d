"""Quantizes with llama.cpp's library, which is the oracle of encodings that we only read."""

from __future__ import annotations

import ctypes
import functools
from importlib.util import find_spec
from pathlib import Path

import gguf
import torch

from max.graph.quantization import QuantizationEncoding


def quantize_with_ggml(tensor: torch.Tensor, encoding: QuantizationEncoding) -> torch.Tensor:
    """Rows as blocks, as `llama-quantize` makes them of weights that all matter the same.

    Args:
        tensor: [rows, elements].
        encoding: of the result.

    Returns:
        uint8 [rows, bytes of a row].
    """
    rows, elements = tensor.shape
    source = tensor.float().contiguous()
    importance = torch.ones(elements)
    packed = torch.zeros(rows, encoding.row_bytes(elements), dtype=torch.uint8)
    kind = int(gguf.GGMLQuantizationType[encoding.name])
    written = _library().ggml_quantize_chunk(
        kind,
        ctypes.c_void_p(source.data_ptr()),
        ctypes.c_void_p(packed.data_ptr()),
        ctypes.c_int64(0),
        ctypes.c_int64(rows),
        ctypes.c_int64(elements),
        ctypes.c_void_p(importance.data_ptr()),
    )
    assert written == packed.numel()
    return packed


@functools.cache
def _library() -> ctypes.CDLL:
    spec = find_spec("llama_cpp_py_sync")
    assert spec is not None and spec.origin is not None
    library = ctypes.CDLL(str(Path(spec.origin).with_name("libggml-base.so.0")))
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    return library
