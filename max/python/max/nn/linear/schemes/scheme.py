"""What a scheme is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from max.dtype import DType
from max.graph import TensorValue, TensorValueLike, Weight
from max.graph.type import DeviceLike


class LinearScheme(Protocol):
    """How the numbers of a linear layer are stored. Equal ones store them alike."""

    def weights(
        self, shape: Sequence[int], dtype: DType, device: DeviceLike, prefix: str = ""
    ) -> dict[str, Weight]:
        """The tensors that stand for a layer's matrix, by the attributes that they become.

        Args:
            shape: [..., out, in], in elements; axes before the last two are those of experts.
            dtype: what the layer computes in.
            device: where they live.
            prefix: of their names.
        """

    def __call__(
        self, x: TensorValueLike, weights: Mapping[str, Weight], bias: Weight | None
    ) -> TensorValue:
        """`x @ matrix.T + bias`: [..., in] -> [..., out].

        Args:
            x: of the layer's dtype.
            weights: as `weights` has made them, loaded.
            bias: [out], of the layer's dtype.
        """
