"""What a ModernBERT model is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from max.nn import Mask, RopeScaling
from max.nn.rope import rope_scaling_of
from max.pipelines.architectures.modernbert.checkpoint import MODERNBERT_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import FULL, SLIDING, RopeSettings
from max.pipelines.lib.embed.encoder_config import EncoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class ModernBertConfig(EncoderConfig):
    """An encoder's configuration, and what its kinds of layers see.

    Args:
        layer_types: the kind of each layer.
        window: positions back and ahead that a token of a windowed layer sees, its own included.
        ropes: base of the angles of each kind of layer, and how they are stretched.
        attention_bias: whether the attention's projections have biases.
        mlp_bias: whether the MLP's projections have biases.
        norm_bias: whether norms have biases.
    """

    config_fields: ClassVar[ConfigFields | None] = MODERNBERT_FIELDS

    layer_types: Sequence[str]
    window: int
    ropes: Mapping[str, tuple[float, RopeScaling | None]]
    attention_bias: bool
    mlp_bias: bool
    norm_bias: bool

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `EncoderConfig.fields`."""
        hf = huggingface_config
        return {
            "hidden_act": hf.hidden_activation,
            "norm_eps": hf.norm_eps,
            "layer_types": tuple(hf.layer_types),
            "window": hf.local_attention // 2 + 1,
            "ropes": {
                kind: (float(rope["rope_theta"]), rope_scaling_of(rope, hf.max_position_embeddings))
                for kind, rope in hf.rope_parameters.items()
            },
            "attention_bias": hf.attention_bias,
            "mlp_bias": hf.mlp_bias,
            "norm_bias": hf.norm_bias,
        }

    def layer_kind(self, index: int) -> tuple[RopeSettings, Mask]:
        """How layer `index` attends.

        Raises:
            ValueError: for a kind of layer that is not known.
        """
        layer_type = self.layer_types[index]
        windows = {FULL: 0, SLIDING: self.window}
        if layer_type not in windows:
            raise ValueError(
                f"layer {index} is of the kind '{layer_type}' (layer_types), which is not "
                f"supported; known: {', '.join(windows)}"
            )
        theta, scaling = self.ropes[layer_type]
        rope = RopeSettings(self.head_dim, theta, scaling=scaling)
        return rope, Mask(causal=False, window=windows[layer_type])
