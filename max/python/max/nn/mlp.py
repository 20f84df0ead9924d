"""Feed-forward layers: gated, and plain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from max.dtype import DType
from max.graph import TensorValue, TensorValueLike, ops
from max.graph.quantization import QuantizationEncoding
from max.graph.type import DeviceRef
from max.nn import kernels
from max.nn.activations import activation_function_from_name, activation_name
from max.nn.linear.linear import Linear
from max.nn.module import Module
from max.nn.unsupported import reject_unsupported


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
        swiglu_limit: limit of the gate before its activation, and of the magnitude of what it is
            multiplied with, as GPT-OSS and DeepSeek V4 have it; 0 for none.
        is_sharding: not supported in this release.
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
        swiglu_limit: float = 0.0,
        is_sharding: bool = False,
    ) -> None:
        super().__init__()
        reject_unsupported("MLP", quant_config=quant_config, is_sharding=is_sharding)
        self._limit = swiglu_limit
        self._activation = activation_name(activation_function)
        self.activation_function = activation_function_from_name(activation_function)
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

    def __call__(self, x: TensorValueLike) -> TensorValue:
        """x: [..., hidden_dim] -> [..., hidden_dim]."""
        gate, up = self.gate_proj(x), self.up_proj(x)
        if self._limit:
            gate = ops.min(gate, self._limit)
            up = ops.max(ops.min(up, self._limit), -self._limit)
        return self.down_proj(kernels.gated(gate, up, self._activation))


class PlainMLP(Module):
    """`down_proj(activation(up_proj(x)))`, as GPT-2 has it. Weights as `MLP` without the gate.

    Args:
        hidden_dim: size of x's last axis.
        feed_forward_length: size of the layer between.
        dtype: of the weights.
        devices: where the weights live; one device.
        activation_function: see `activation_function_from_name`.
        has_bias: whether the projections have biases.
    """

    def __init__(
        self,
        hidden_dim: int,
        feed_forward_length: int,
        dtype: DType,
        devices: Sequence[DeviceRef],
        activation_function: str,
        has_bias: bool = False,
    ) -> None:
        super().__init__()
        linear = partial(Linear, dtype=dtype, device=devices[0], has_bias=has_bias)
        self.up_proj = linear(in_dim=hidden_dim, out_dim=feed_forward_length)
        self.down_proj = linear(in_dim=feed_forward_length, out_dim=hidden_dim)
        self.activation = activation_function_from_name(activation_function)

    def __call__(self, x: TensorValueLike) -> TensorValue:
        """x: [..., hidden_dim] -> [..., hidden_dim]."""
        return self.down_proj(self.activation(self.up_proj(x)))
