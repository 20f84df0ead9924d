"""Two tensors: float8 elements, and factors of blocks of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from max.dtype import DType
from max.graph import TensorValue, TensorValueLike, Weight
from max.graph.type import DeviceLike
from max.nn import kernels

# The first as DeepSeek and Qwen have it, which is a factor in spite of its name; the other as
# compressed-tensors and FBGEMM.
_SCALES = ("weight_scale_inv", "weight_scale")


@dataclass(frozen=True)
class Scaled:
    """`weight` float8_e4m3fn [out, in], and a factor for all of it, for each row, or for blocks.

    Activations are not rounded.

    Args:
        name: of the factors.
        shape: of the factors, see `max::scaled_matmul`.
        dtype: of the factors.
    """

    name: str
    shape: tuple[int, ...]
    dtype: DType

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self | None:
        """The scheme of a layer that has these tensors; None if it is another."""
        weight = stored.get("weight")
        if weight is None or _dtype(weight) is not DType.float8_e4m3fn:
            return None
        for name in _SCALES:
            if name in stored:
                shape = tuple(int(axis) for axis in stored[name].shape)
                return cls(name, shape, _dtype(stored[name]))
        return None

    def weights(
        self, shape: Sequence[int], dtype: DType, device: DeviceLike, prefix: str = ""
    ) -> dict[str, Weight]:
        """See `LinearScheme`."""
        return {
            "weight": Weight(f"{prefix}weight", DType.float8_e4m3fn, shape, device),
            self.name: Weight(f"{prefix}{self.name}", self.dtype, self.shape, device),
        }

    def __call__(
        self, x: TensorValueLike, weights: Mapping[str, Weight], bias: Weight | None
    ) -> TensorValue:
        """See `LinearScheme`."""
        product = kernels.scaled_matmul(x, weights["weight"], weights[self.name])
        return product if bias is None else product + bias


def _dtype(value: Any) -> DType:
    return value.dtype if isinstance(value.dtype, DType) else DType(str(value.dtype).split(".")[-1])
