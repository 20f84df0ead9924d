"""Weights in panels of outputs side by side: what the CPU's products read.

Of elements: panels of 64 outputs. Element `[p, g, r, e]` of the panels is element
`g * per_group + e` of the weight's row `p * 64 + r`; a group is four bytes, one float32 or two of
16 bits. A vector then holds the same group of several outputs, and a panel is one sequential
stream.

Of blocks: panels of 32 outputs. The numbers of the file's blocks stay as they are; scales of 6 bits
become bytes, signs that follow from others are written out. Where each stands says
`include/quantized_blocks.h`; that of encodings with a grid, `include/grid_blocks.h`.

Rows and elements that the weight does not have are zero.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Self

import torch

from max.graph import Weight
from max.kernels.element_types import ELEMENT_TYPES
from max.kernels.layouts.grids import kernel_grid
from max.kernels.layouts.pieces import ignore_rows, pieces
from max.kernels.native import load_kernel
from max.kernels.thread_pool import pool_handle

# Numbers of the C enum `Encoding`, by the values of `QuantizationEncoding`.
ENCODINGS = {
    "q8_0": 0,
    "q4_0": 1,
    "q4_1": 2,
    "q5_0": 3,
    "q5_1": 4,
    "q4_k": 5,
    "q5_k": 6,
    "q6_k": 7,
    "float32": 8,
    "bfloat16": 9,
    "float16": 10,
    "q2_k": 11,
    "q3_k": 12,
    "iq4_nl": 13,
    "iq4_xs": 14,
    "mxfp4": 15,
    "iq1_s": 16,
    "iq1_m": 17,
    "iq2_xxs": 18,
    "iq2_xs": 19,
    "iq2_s": 20,
    "iq3_xxs": 21,
    "iq3_s": 22,
    "tq1_0": 23,
    "tq2_0": 24,
}
ELEMENTS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class BlockUnit(NamedTuple):
    """A unit of a panel of blocks.

    Attributes:
        elements: of an output.
        num_bytes: of the unit.
        rounded: elements of the activations that share a scale.
    """

    elements: int
    num_bytes: int
    rounded: int


BLOCK_UNITS = {
    "q8_0": BlockUnit(32, 64 + 8 * 128, 32),
    "q4_0": BlockUnit(32, 64 + 4 * 128, 32),
    "q4_1": BlockUnit(32, 128 + 4 * 128, 32),
    "q5_0": BlockUnit(32, 64 + 5 * 128, 32),
    "q5_1": BlockUnit(32, 128 + 5 * 128, 32),
    "q2_k": BlockUnit(256, 128 + 8 * (64 + 2 * 128), 256),
    "q3_k": BlockUnit(256, 64 + 8 * (64 + 3 * 128), 256),
    "q4_k": BlockUnit(256, 128 + 8 * (64 + 4 * 128), 256),
    "q5_k": BlockUnit(256, 128 + 8 * (64 + 5 * 128), 256),
    "q6_k": BlockUnit(256, 64 + 8 * (64 + 6 * 128), 256),
    "iq4_nl": BlockUnit(32, 64 + 4 * 128, 32),
    "iq4_xs": BlockUnit(256, 64 + 8 * (32 + 4 * 128), 32),
    "mxfp4": BlockUnit(32, 64 + 4 * 128, 32),
    "iq1_s": BlockUnit(256, 64 + 8 * (16 + 2 * (64 + 24)), 32),
    "iq1_m": BlockUnit(256, 64 + 8 * (32 + 2 * (64 + 24 + 8)), 32),
    "iq2_xxs": BlockUnit(256, 64 + 8 * (16 + 2 * (64 + 64)), 32),
    "iq2_xs": BlockUnit(256, 64 + 8 * (32 + 2 * (64 + 8 + 64)), 32),
    "iq2_s": BlockUnit(256, 64 + 8 * (32 + 2 * (64 + 16 + 64)), 32),
    "iq3_xxs": BlockUnit(256, 64 + 8 * (16 + 2 * (2 * 64 + 64)), 32),
    "iq3_s": BlockUnit(256, 64 + 8 * (16 + 2 * (2 * (64 + 8) + 64)), 32),
    "tq1_0": BlockUnit(256, 64 + 8 * 2 * 128, 32),
    "tq2_0": BlockUnit(256, 64 + 8 * 2 * 128, 32),
}
_OUTPUTS, _BLOCK_OUTPUTS, _GROUP_BYTES = 64, 32, 4
# Changes when the same weight is laid out otherwise. No instruction set has a layout of its own.
_VERSION = 3


class _PackArgs(ctypes.Structure):
    """The C struct of `include/packed_linear.h`."""

    _fields_ = (
        ("rows", ctypes.c_void_p),
        ("out_features", ctypes.c_int64),
        ("in_features", ctypes.c_int64),
        ("row_bytes", ctypes.c_int64),
        ("packed", ctypes.c_void_p),
        ("encoding", ctypes.c_int32),
    )


@dataclass(frozen=True)
class Panels:
    """A matrix in panels.

    Args:
        rows: outputs.
        columns: elements of a row; whole blocks.
        encoding: of the rows: that of blocks, or the type of elements.
    """

    rows: int
    columns: int
    encoding: str

    @classmethod
    def of(cls, weight: Weight) -> Self | None:
        """See `WeightLayout`. None for what is no matrix, or where there is no kernel."""
        encoding = (weight.quantization_encoding or weight.dtype).value
        is_computed = weight.dtype.to_torch() in ELEMENT_TYPES
        if not is_computed or encoding not in (*ELEMENTS, *BLOCK_UNITS) or len(weight.shape) != 2:
            return None
        rows, columns = weight.shape.static_dims
        return cls(rows, columns, encoding) if load_kernel("packed_linear") else None

    @property
    def tag(self) -> str:
        """See `WeightLayout`."""
        return f"panels {_VERSION} {self.encoding} {self.rows} {self.columns}"

    @property
    def nbytes(self) -> int:
        """See `WeightLayout`."""
        if self.encoding in BLOCK_UNITS:
            unit = BLOCK_UNITS[self.encoding]
            units = math.ceil(self.rows / _BLOCK_OUTPUTS) * (self.columns // unit.elements)
            return units * unit.num_bytes
        return math.ceil(self.rows / _OUTPUTS) * self.groups * _OUTPUTS * _GROUP_BYTES

    @property
    def grid(self) -> int | None:
        """The address of the encoding's grid, which lives as long as the process; None without."""
        grid = kernel_grid(self.encoding) if self.encoding in BLOCK_UNITS else None
        return None if grid is None else grid.data_ptr()

    @property
    def groups(self) -> int:
        """Groups of a row of elements."""
        return math.ceil(self.columns / (_GROUP_BYTES // ELEMENTS[self.encoding].itemsize))

    @property
    def way(self) -> str:
        """Weights of one way can be multiplied in one call: how activations are arranged."""
        if self.encoding in BLOCK_UNITS:
            return f"blocks of {BLOCK_UNITS[self.encoding].rounded}"
        return self.encoding

    def place(
        self,
        elements: torch.Tensor,
        placed: torch.Tensor,
        on_read: Callable[[int], None] = ignore_rows,
    ) -> None:
        """See `WeightLayout`."""
        rows = elements if elements.stride(1) == 1 else elements.contiguous()
        library = load_kernel("packed_linear")
        assert library is not None  # of `of`
        row_bytes = rows.stride(0) * rows.element_size()
        panel = _BLOCK_OUTPUTS if self.encoding in BLOCK_UNITS else _OUTPUTS
        for first, last in pieces(self.rows, row_bytes, panel):
            before = Panels(first, self.columns, self.encoding).nbytes
            args = _PackArgs(
                rows[first:last].data_ptr(),
                last - first,
                self.columns,
                row_bytes,
                placed[before:].data_ptr(),
                ENCODINGS[self.encoding],
            )
            library.packed_linear_pack(ctypes.byref(args), ctypes.c_void_p(pool_handle()))
            on_read(last)

    def elements(self, placed: torch.Tensor) -> torch.Tensor:
        """The matrix [rows, columns] of placed elements: a copy.

        Raises:
            NotImplementedError: for blocks, which nothing but the kernels reads.
        """
        if self.encoding not in ELEMENTS:
            raise NotImplementedError(
                f"weights in panels of {self.encoding} are multiplied with float32 and bfloat16 "
                "on a CPU that has kernels, and are read by nothing else"
            )
        dtype = ELEMENTS[self.encoding]
        per_group = _GROUP_BYTES // dtype.itemsize
        shape = (math.ceil(self.rows / _OUTPUTS), self.groups, _OUTPUTS, per_group)
        panels = placed.view(dtype).view(shape).permute(0, 2, 1, 3)
        return panels.flatten(2).flatten(0, 1)[: self.rows, : self.columns].contiguous()
