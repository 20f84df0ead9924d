"""The Apertus decoder."""

from __future__ import annotations

from max.dtype import DType
from max.graph import DeviceRef, TensorValue, TensorValueLike, Weight, ops
from max.nn import Module, PlainMLP
from max.pipelines.architectures.qwen3.qwen3 import Qwen3
from max.pipelines.lib.decoder_config import DecoderConfig

# Fixed in the reference implementation, although checkpoints carry them.
_BETA, _EPS = 0.5, -1e-6


class XIELU(Module):
    """The activation function xIELU (Huang and Schlag, 2024).

    `a_p x² + x / 2` for x > 0, else `a_n (e^x - 1 - x) + x / 2`. Weights: `alpha_p`, `alpha_n` [1],
    of which the factors are made: `a_p = softplus(alpha_p)`, `a_n = 1 / 2 + softplus(alpha_n)`.
    """

    def __init__(self, dtype: DType, device: DeviceRef) -> None:
        super().__init__()
        self.alpha_p = Weight("alpha_p", dtype, [1], device)
        self.alpha_n = Weight("alpha_n", dtype, [1], device)

    def __call__(self, x: TensorValueLike) -> TensorValue:
        """x: [..., n] of the weights' dtype -> the same."""
        wide = ops.cast(x, DType.float32)
        positive, negative = _softplus(self.alpha_p), _softplus(self.alpha_n) + _BETA
        below = (ops.exp(ops.min(wide, _EPS)) - 1.0 - wide) * negative
        curved = ops.where(wide > 0.0, wide * wide * positive, below)
        return ops.cast(curved + wide * _BETA, self.alpha_p.dtype)


class Apertus(Qwen3):
    """Qwen3 with a plain MLP."""

    def make_mlp(self, config: DecoderConfig, index: int) -> Module:
        """`down_proj(xielu(up_proj(x)))`."""
        mlp = PlainMLP(
            config.hidden_size,
            config.intermediate_size,
            config.dtype,
            config.devices,
            config.hidden_act,
        )
        mlp.activation = XIELU(config.dtype, config.devices[0])
        return mlp


def _softplus(weight: Weight) -> TensorValue:
    return ops.log1p(ops.exp(ops.cast(weight, DType.float32)))
