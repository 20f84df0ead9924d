"""Linear layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from max.dtype import DType
from max.graph import TensorValue, TensorValueLike, Weight
from max.graph.quantization import QuantizationEncoding
from max.graph.type import DeviceLike
from max.nn.linear.schemes import LinearScheme, Plain, scheme_of
from max.nn.module import Module
from max.nn.unsupported import reject_unsupported

if TYPE_CHECKING:
    from max.nn.lora import LayerAdapters


class Linear(Module):
    """`x @ weightᵀ + bias`. Weights: `weight` [out_dim, in_dim], `bias` [out_dim].

    The checkpoint decides how the matrix is stored: as these elements, as rows of ggml's blocks,
    or as several tensors (`LinearScheme`).

    Args:
        in_dim: size of x's last axis.
        out_dim: size of the result's last axis.
        dtype: of the weights and of x.
        device: where the weights live.
        has_bias: whether there is a bias.
        quantization_encoding: of the weight's rows; None for plain elements, or to take that of
            the checkpoint when it is loaded.
        quant_config: not supported in this release.
        name: prefix of the weights' names while they have no path of their own.
        clip_weight: not supported in this release, as `is_sharding`.
    """

    # Set while the graph of a model with adapters is built, see `max.nn.lora`.
    adapters: LayerAdapters | None = None

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        dtype: DType,
        device: DeviceLike,
        has_bias: bool = False,
        quantization_encoding: QuantizationEncoding | None = None,
        quant_config: object = None,
        name: str | None = None,
        clip_weight: float | None = None,
        is_sharding: bool = False,
    ) -> None:
        super().__init__()
        reject_unsupported(
            "Linear",
            quant_config=quant_config,
            clip_weight=clip_weight,
            is_sharding=is_sharding,
        )
        prefix = f"{name}." if name else ""
        self._scheme: LinearScheme = Plain(quantization_encoding)
        weight = self._scheme.weights([out_dim, in_dim], dtype, device, prefix)
        self.weight = weight["weight"]
        self.bias = Weight(f"{prefix}bias", dtype, [out_dim], device) if has_bias else None

    def expect(self, stored: Mapping[str, Any]) -> None:
        """See `Module.expect`: the tensors become those of the scheme that the checkpoint has."""
        scheme = scheme_of(stored)
        if isinstance(scheme, Plain):
            return
        self._scheme = scheme
        weights = scheme.weights(
            self.weight.shape.static_dims, self.weight.dtype, self.weight.device
        )
        for name, weight in weights.items():
            setattr(self, name, weight)

    def __call__(self, x: TensorValueLike) -> TensorValue:
        """x: [..., in_dim] -> [..., out_dim]."""
        y = self._scheme(x, self.layer_weights, self.bias)
        return y if self.adapters is None else self.adapters.to_product(y, x)
