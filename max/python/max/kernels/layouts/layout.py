"""What a layout of weights is, and how ops say that they read one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol, Self

import torch

from max.graph import Weight
from max.kernels.facts import NativeCall
from max.kernels.layouts.pieces import ignore_rows


class WeightLayout(Protocol):
    """How the elements of one weight lie in memory for the kernels that read them."""

    @classmethod
    def of(cls, weight: Weight) -> Self | None:
        """The layout for a weight; None if it has none here."""

    @property
    def tag(self) -> str:
        """What lies where: with equal tags, equal elements are equal bytes."""

    @property
    def nbytes(self) -> int:
        """Bytes of the weight in this layout."""

    def place(
        self,
        elements: torch.Tensor,
        placed: torch.Tensor,
        on_read: Callable[[int], None] = ignore_rows,
    ) -> None:
        """Writes every byte of a weight.

        Args:
            elements: as they are in a file, of the weight's type.
            placed: uint8 [nbytes], where kernels will read them.
            on_read: told now and then how many of the first rows were read for good.
        """


class LayoutUse(NamedTuple):
    """How an op reads one of its arguments in a layout.

    Attributes:
        layout: the kind of layout.
        call: `call(layout, *arguments)`: the call of ours that computes the same of the weight in
            that layout; None for arguments that none takes. The first result counts.
        wants: whether the op is a reason for the layout; or only reads what has it anyway.
    """

    layout: type[WeightLayout]
    call: Callable[..., NativeCall | None]
    wants: bool = True
