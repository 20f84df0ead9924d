"""The matrices of experts in planes: those of all rows of all experts together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch

from max.graph import Weight
from max.kernels.layouts.pieces import ignore_rows
from max.kernels.layouts.planes import Planes


@dataclass(frozen=True)
class ExpertPlanes:
    """A stack of matrices in planes.

    Args:
        experts: how many.
        stack: the layout of all their rows, one below the other.
    """

    experts: int
    stack: Planes

    @classmethod
    def of(cls, weight: Weight) -> Self | None:
        """See `WeightLayout`. None for what is no stack of matrices of such blocks."""
        if len(weight.shape) != 3:
            return None
        experts, rows, columns = weight.shape.static_dims
        matrix = [experts * rows, columns]
        one = Weight(weight.name, weight.dtype, matrix, weight.device, weight.quantization_encoding)
        planes = Planes.of(one)
        return None if planes is None else cls(experts, planes)

    @property
    def tag(self) -> str:
        """See `WeightLayout`."""
        return f"{self.experts} in {self.stack.tag}"

    @property
    def nbytes(self) -> int:
        """See `WeightLayout`."""
        return self.stack.nbytes

    def place(
        self,
        elements: torch.Tensor,
        placed: torch.Tensor,
        on_read: Callable[[int], None] = ignore_rows,
    ) -> None:
        """See `WeightLayout`."""
        rows = self.stack.rows // self.experts
        self.stack.place(elements.flatten(0, 1), placed, lambda read: on_read(read // rows))
