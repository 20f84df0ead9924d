"""The gated feed-forward layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from max.dtype import DType
from max.graph import TensorValue, TensorValueLike, ops
from max.graph.quantization import QuantizationEncoding
from max.graph.type import DeviceRef
from max.nn import kernels
from max.nn.linear import Linear
from max.nn.module import Module
from max.nn.unsupported import reject_unsupported

Activation = Callable[[TensorValueLike], TensorValue]

_ACTIVATIONS: dict[str, Activation] = {
    "silu": ops.silu,
    "gelu": ops.gelu,
    "gelu_tanh": partial(ops.gelu, approximate="tanh"),
    "relu": ops.relu,
    "tanh": ops.tanh,
    "sigmoid": ops.sigmoid,
}


def activation_function_from_name(name: str) -> Activation:
    """The elementwise function of that name.

    Raises:
        ValueError: if there is none.
    """
    if name not in _ACTIVATIONS:
        known = ", ".join(_ACTIVATIONS)
        raise ValueError(f"unknown activation function '{name}'; known: {known}")
    return _ACTIVATIONS[name]


class MLP(Module):
    """`down_proj(activation(gate_proj(x)) * up_proj(x))`.

    Weights: `gate_proj.weight`, `up_proj.weight` [feed_forward_length, hidden_dim],
    `down_proj.weight` [hidden_dim, feed_forward_length], and biases with `has_bias`.

    Args:
        dtype: of the weights.
        quantization_encoding: see `Linear`.
        hidden_dim: size of x's last axis.
        feed_forward_length: size of the layer between.
        devices: where the weights live; one device.
        linear_cls: makes the projections.
        has_bias: whether the projections have biases.
        activation_function: see `activation_function_from_name`.
        quant_config: not supported in this release.
    """

    def __init__(
        self,
        dtype: DType,
        quantization_encoding: QuantizationEncoding | None,
        hidden_dim: int,
        feed_forward_length: int,
        devices: Sequence[DeviceRef],
        linear_cls: Callable[..., Linear] = Linear,
        has_bias: bool = False,
        activation_function: str = "silu",
        quant_config: object = None,
    ) -> None:
        super().__init__()
        reject_unsupported("MLP", quant_config=quant_config)
        linear = partial(
            linear_cls,
            dtype=dtype,
            device=devices[0],
            has_bias=has_bias,
            quantization_encoding=quantization_encoding,
        )
        self.gate_proj = linear(in_dim=hidden_dim, out_dim=feed_forward_length)
        self.up_proj = linear(in_dim=hidden_dim, out_dim=feed_forward_length)
        self.down_proj = linear(in_dim=feed_forward_length, out_dim=hidden_dim)
        self._is_silu = activation_function == "silu"
        self.activation_function = activation_function_from_name(activation_function)

    def __call__(self, x: TensorValueLike) -> TensorValue:
        """x: [..., hidden_dim] -> [..., hidden_dim]."""
        gate, up = self.gate_proj(x), self.up_proj(x)
        if self._is_silu:
            return self.down_proj(kernels.swiglu(gate, up))
        return self.down_proj(self.activation_function(gate) * up)
