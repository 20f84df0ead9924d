"""The matrices of experts, each in panels, one behind the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch

from max.graph import Weight
from max.kernels.layouts.panels import Panels
from max.kernels.layouts.pieces import ignore_rows


@dataclass(frozen=True)
class ExpertPanels:
    """Matrices in panels.

    Args:
        experts: how many.
        matrix: the layout of each.
    """

    experts: int
    matrix: Panels

    @classmethod
    def of(cls, weight: Weight) -> Self | None:
        """See `WeightLayout`. None for what is no stack, or where there is no kernel."""
        if len(weight.shape) != 3:
            return None
        experts, *matrix = weight.shape.static_dims
        one = Weight(weight.name, weight.dtype, matrix, weight.device, weight.quantization_encoding)
        panels = Panels.of(one)
        return None if panels is None else cls(experts, panels)

    @property
    def tag(self) -> str:
        """See `WeightLayout`."""
        return f"{self.experts} x {self.matrix.tag}"

    @property
    def nbytes(self) -> int:
        """See `WeightLayout`."""
        return self.experts * self.matrix.nbytes

    def place(
        self,
        elements: torch.Tensor,
        placed: torch.Tensor,
        on_read: Callable[[int], None] = ignore_rows,
    ) -> None:
        """See `WeightLayout`; one expert after the other."""
        for expert, to in enumerate(placed.split(self.matrix.nbytes)):
            self.matrix.place(elements[expert], to)
            on_read(expert + 1)
