"""The ModernBERT encoder (Warner et al., 2024)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from max.graph import TensorValue, ops
from max.nn import (
    Attention,
    Embedding,
    LayerNorm,
    Linear,
    Module,
    PreNormBlock,
    RaggedBatch,
    Rope,
    kernels,
)
from max.nn.attention import QKV
from max.pipelines.architectures.modernbert.model_config import ModernBertConfig
from max.pipelines.lib.embed.encoder import Encoder


class StackedAttention(Attention):
    """Attention whose queries, keys and values come of one projection, `qkv_proj`."""

    def make_projections(self, linear: Callable[..., Linear]) -> None:
        """See `Attention.make_projections`."""
        self.qkv_proj = linear(out_dim=self.q_width + 2 * self.kv_width)

    def project(self, x: TensorValue) -> QKV:
        """See `Attention.project`."""
        sizes = [self.q_width, self.kv_width, self.kv_width]
        return QKV(*ops.split(self.qkv_proj(x), sizes, axis=-1))


class StackedMLP(Module):
    """A gated MLP whose gate and other half come of one projection, `gate_up_proj`.

    Args:
        config: sizes and settings.
    """

    def __init__(self, config: ModernBertConfig) -> None:
        super().__init__()
        linear = partial(
            Linear, dtype=config.dtype, device=config.devices[0], has_bias=config.mlp_bias
        )
        self.width = config.intermediate_size
        self.activation = config.hidden_act
        self.gate_up_proj = linear(config.hidden_size, 2 * self.width)
        self.down_proj = linear(self.width, config.hidden_size)

    def __call__(self, x: TensorValue) -> TensorValue:
        """x: [rows, hidden_size] -> the same shape."""
        gate, up = ops.split(self.gate_up_proj(x), [self.width, self.width], axis=-1)
        return self.down_proj(kernels.gated(gate, up, self.activation))


class AsItIs(Module):
    """The norm before the first attention: rows are normalized already."""

    def __call__(self, x: TensorValue) -> TensorValue:
        """x."""
        return x


class ModernBert(Encoder):
    """Pre-norm blocks over normalized embeddings, and a final norm.

    Args:
        config: sizes and settings.
    """

    def __init__(self, config: ModernBertConfig) -> None:
        kinds = [config.layer_kind(index) for index in range(config.num_hidden_layers)]
        ropes = {
            rope: Rope(rope.rotary_dim, rope.theta, config.max_seq_len, scaling=rope.scaling)
            for rope, _ in kinds
        }
        norm = partial(
            LayerNorm,
            config.hidden_size,
            config.devices,
            config.dtype,
            config.norm_eps,
            use_bias=config.norm_bias,
        )
        attention = partial(
            StackedAttention,
            hidden_size=config.hidden_size,
            num_attention_heads=config.num_attention_heads,
            num_key_value_heads=config.num_attention_heads,
            head_dim=config.head_dim,
            dtype=config.dtype,
            devices=config.devices,
            has_bias=config.attention_bias,
            has_output_bias=config.attention_bias,
        )
        super().__init__(
            [
                PreNormBlock(
                    attention=attention(rope=ropes[rope], mask=mask),
                    mlp=StackedMLP(config),
                    attention_norm=norm() if index else AsItIs(),
                    mlp_norm=norm(),
                )
                for index, (rope, mask) in enumerate(kinds)
            ]
        )
        self.embed_tokens = Embedding(
            config.vocab_size, config.hidden_size, config.dtype, config.devices[0]
        )
        self.embed_norm = norm()
        self.norm = norm()

    def embed(self, batch: RaggedBatch[Any]) -> TensorValue:
        """See `Encoder.embed`."""
        return self.embed_norm(self.embed_tokens(batch.tokens))

    def finish(self, h: TensorValue) -> TensorValue:
        """See `Encoder.finish`."""
        return self.norm(h)
