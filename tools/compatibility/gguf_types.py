"""Every type of GGUF tensors: are its numbers the `gguf` package's, and how fast is it?"""

from __future__ import annotations

import time
from typing import NamedTuple

import gguf
import numpy as np
import torch

from max.graph.quantization import QuantizationEncoding, dequantize_rows
from max.kernels import packed_linear
from max.kernels.layouts.panels import Panels
from max.kernels.memory import empty_in_huge_pages

_OUTPUTS, _COLUMNS = 4096, 2048
_BYTES = 64 * 2**20  # of weights: beyond caches
_TURNS = 3


class GGUFTensorType(NamedTuple):
    """One type.

    Attributes:
        name: as ggml has it.
        file_bits: of a weight in the file.
        memory_bits: of a weight in memory.
        is_equal: whether random blocks decode to the same bits.
    """

    name: str
    file_bits: float
    memory_bits: float
    is_equal: bool


def examine(encoding: QuantizationEncoding) -> GGUFTensorType:
    """Returns what a type takes, and whether its numbers are the `gguf` package's."""
    elements, size = encoding.block_parameters
    panels = Panels(_OUTPUTS, _COLUMNS, encoding.value)
    return GGUFTensorType(
        encoding.name,
        8 * size / elements,
        8 * panels.nbytes / (_OUTPUTS * _COLUMNS),
        _is_equal(encoding),
    )


def speeds(encoding: QuantizationEncoding) -> tuple[float, float]:
    """Returns thousands of millions of products per second, with one row and with 256."""
    panels = Panels(_OUTPUTS, _COLUMNS, encoding.value)
    rows = torch.full((_OUTPUTS, encoding.row_bytes(_COLUMNS)), 0x2C, dtype=torch.uint8)
    weights = [empty_in_huge_pages([panels.nbytes], torch.uint8)]
    panels.place(rows, weights[0])
    weights += [
        empty_in_huge_pages([panels.nbytes], torch.uint8).copy_(weights[0])
        for _ in range(_BYTES // panels.nbytes)
    ]
    products = _OUTPUTS * _COLUMNS / 1e9
    return (
        products / _seconds(encoding.value, weights, 1),
        256 * products / _seconds(encoding.value, weights[:1], 256),
    )


def _seconds(encoding: str, weights: list[torch.Tensor], rows: int) -> float:
    """Of one product; the fastest of some turns."""
    x = torch.randn(rows, _COLUMNS)
    turns = []
    for _ in range(_TURNS):
        begin = time.perf_counter()
        for weight in weights:
            packed_linear(x, [weight], [None], [_OUTPUTS], [encoding])
        turns.append((time.perf_counter() - begin) / len(weights))
    return min(turns)


def _is_equal(encoding: QuantizationEncoding) -> bool:
    blocks = np.random.default_rng(0).integers(0, 256, (256, encoding.block_size), dtype=np.uint8)
    with np.errstate(all="ignore"):
        expected = gguf.quants.dequantize(blocks, gguf.GGMLQuantizationType[encoding.name])
    got = dequantize_rows(torch.from_numpy(blocks), encoding).numpy()
    return bool(np.array_equal(got, expected, equal_nan=True))
