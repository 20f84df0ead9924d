"""Quantized weights taken apart: what the kernels of GPUs read.

A block of a file has its scales before, between or behind its numbers, and 18, 34 or 210 bytes.
Here each part of all blocks lies together, and begins where 16 bytes do:

    file     | d q q q q | d q q q q | ..        a row; then the next
    planes   | d d .. of all rows | q q q q q q q q .. of all rows |

The bytes stay what they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch

from max.graph import Weight
from max.graph.quantization import QuantizationEncoding
from max.kernels.layouts.pieces import ignore_rows, pieces

# Bytes of the parts of a block, in the order of the file (ggml-common.h).
PARTS = {
    "q8_0": (2, 32),
    "q4_0": (2, 16),
    "q4_1": (4, 16),
    "q5_0": (2, 4, 16),
    "q5_1": (4, 4, 16),
    "q2_k": (16, 64, 4),
    "q3_k": (32, 64, 12, 2),
    "q4_k": (4, 12, 128),
    "q5_k": (4, 12, 32, 128),
    "q6_k": (128, 64, 16, 2),
    "iq4_nl": (2, 16),
    "iq4_xs": (2, 2, 4, 128),
    "mxfp4": (1, 16),
    "tq2_0": (64, 2),
}
_ALIGNMENT = 16
# Changes when the same weight is laid out otherwise.
_VERSION = 1


@dataclass(frozen=True)
class Planes:
    """A matrix of blocks in planes.

    Args:
        rows: outputs.
        columns: elements of a row; whole blocks.
        encoding: of the blocks.
    """

    rows: int
    columns: int
    encoding: str

    @classmethod
    def of(cls, weight: Weight) -> Self | None:
        """See `WeightLayout`. None for what is no matrix of such blocks."""
        encoding = weight.quantization_encoding
        if encoding is None or encoding.value not in PARTS or len(weight.shape) != 2:
            return None
        rows, columns = weight.shape.static_dims
        return cls(rows, columns, encoding.value)

    @property
    def tag(self) -> str:
        """See `WeightLayout`."""
        return f"planes {_VERSION} {self.encoding} {self.rows} {self.columns}"

    @property
    def blocks(self) -> int:
        """Blocks of a row."""
        return self.columns // QuantizationEncoding(self.encoding).elements_per_block

    @property
    def starts(self) -> list[int]:
        """Where each plane begins, and where the last one ends; in bytes."""
        starts = [0]
        for width in PARTS[self.encoding]:
            size = self.rows * self.blocks * width
            starts.append(starts[-1] + -(-size // _ALIGNMENT) * _ALIGNMENT)
        return starts

    @property
    def nbytes(self) -> int:
        """See `WeightLayout`."""
        return self.starts[-1]

    def place(
        self,
        elements: torch.Tensor,
        placed: torch.Tensor,
        on_read: Callable[[int], None] = ignore_rows,
    ) -> None:
        """See `WeightLayout`."""
        planes = self.planes(placed)
        row_bytes = elements.shape[1]
        for first, last in pieces(self.rows, row_bytes, 1):
            piece = elements[first:last].to(placed.device)
            parts = piece.unflatten(1, (self.blocks, -1)).split(PARTS[self.encoding], 2)
            for plane, part in zip(planes, parts, strict=True):
                plane[first:last] = part
            on_read(last)

    def planes(self, placed: torch.Tensor) -> list[torch.Tensor]:
        """Views of placed bytes: uint8 [rows, blocks, bytes of a block's part] each."""
        widths = PARTS[self.encoding]
        return [
            placed[start : start + self.rows * self.blocks * width].view(
                self.rows, self.blocks, width
            )
            for start, width in zip(self.starts, widths, strict=False)
        ]

    def rows_of(self, placed: torch.Tensor) -> torch.Tensor:
        """The rows as they are in the file, uint8 [rows, bytes of a row]: a copy."""
        return torch.cat(self.planes(placed), 2).flatten(1)
