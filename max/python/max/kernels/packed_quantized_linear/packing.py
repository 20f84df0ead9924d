"""The layout of packed quantized weights: panels of 32 outputs of the file's blocks.

The numbers of the blocks stay as they are; scales of 6 bits become bytes. Where each stands says
`include/quantized_blocks.h`.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable

import torch

from max.graph.quantization import QuantizationEncoding
from max.kernels.memory import empty_in_huge_pages
from max.kernels.native import load_kernel
from max.kernels.packed_quantized_linear.structs import ENCODINGS, PackBlocksArgs
from max.kernels.packing_pieces import ignore_rows, pieces
from max.kernels.thread_pool import pool_handle

_PANEL = 32
# Elements of an output in a unit of a panel, and bytes of the unit.
_UNITS = {
    "q8_0": (32, 64 + 8 * 128),
    "q4_0": (32, 64 + 4 * 128),
    "q4_1": (32, 128 + 4 * 128),
    "q5_0": (32, 64 + 5 * 128),
    "q5_1": (32, 128 + 5 * 128),
    "q4_k": (256, 128 + 8 * (64 + 4 * 128)),
    "q5_k": (256, 128 + 8 * (64 + 5 * 128)),
    "q6_k": (256, 64 + 8 * (64 + 6 * 128)),
}


def can_pack_encoding(encoding: str) -> bool:
    """Whether weights of this encoding have a packed layout, and this machine a kernel for it."""
    return encoding in ENCODINGS and load_kernel("packed_quantized_linear") is not None


def activation_block(encoding: str) -> int:
    """How many activations are rounded with one scale: 32, or 256 as the weight's blocks have."""
    return _UNITS[encoding][0]


def packed_bytes(rows: int, columns: int, encoding: str) -> int:
    """Bytes of a packed weight [rows, columns]."""
    elements, size = _UNITS[encoding]
    return math.ceil(rows / _PANEL) * (columns // elements) * size


def pack_quantized(
    weight: torch.Tensor, encoding: str, on_read: Callable[[int], None] = ignore_rows
) -> torch.Tensor:
    """Packs a weight.

    Args:
        weight: uint8 [out_features, bytes of a row], on the host: blocks as in a GGUF file.
        encoding: of the blocks; one that `can_pack_encoding`.
        on_read: told now and then how many of the first rows are packed.

    Returns:
        A copy in panels, uint8 [bytes].
    """
    weight = weight.contiguous()
    rows, row_bytes = weight.shape
    columns = QuantizationEncoding(encoding).row_elements(row_bytes)
    packed = empty_in_huge_pages([packed_bytes(rows, columns, encoding)], torch.uint8)
    library = load_kernel("packed_quantized_linear")
    assert library is not None  # can_pack_encoding
    for first, last in pieces(rows, row_bytes, _PANEL):
        args = PackBlocksArgs(
            weight[first:last].data_ptr(),
            last - first,
            columns,
            row_bytes,
            packed[packed_bytes(first, columns, encoding) :].data_ptr(),
            ENCODINGS[encoding],
        )
        library.packed_quantized_linear_pack(ctypes.byref(args), ctypes.c_void_p(pool_handle()))
        on_read(last)
    return packed
