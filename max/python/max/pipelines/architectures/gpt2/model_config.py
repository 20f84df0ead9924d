"""What a GPT-2 model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from max.pipelines.architectures.gpt2.checkpoint import GPT2_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig, LayerKind

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class GPT2Config(DecoderConfig):
    """A decoder's configuration with biases everywhere and no angles.

    Args:
        num_positions: rows of the table of positions.
        scales_by_layer: whether the scores of layer i are divided by i + 1.
    """

    config_fields: ClassVar[ConfigFields | None] = GPT2_FIELDS

    num_positions: int = 0
    scales_by_layer: bool = False

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`."""
        hf = huggingface_config
        return {
            "num_positions": hf.n_positions,
            "scales_by_layer": hf.scale_attn_by_inverse_layer_idx,
            "rms_norm_eps": hf.layer_norm_epsilon,
        }

    @classmethod
    def calculate_attention_multiplier(cls, huggingface_config: PretrainedConfig) -> float:
        """`1 / sqrt(head_dim)`, or nothing at all."""
        usual = super().calculate_attention_multiplier(huggingface_config)
        return usual if huggingface_config.scale_attn_weights else 1.0

    @staticmethod
    def get_attention_biases(huggingface_config: PretrainedConfig) -> tuple[bool, bool]:
        """Always; config.json does not say."""
        return True, True

    @staticmethod
    def get_intermediate_size(huggingface_config: PretrainedConfig) -> int:
        """`n_inner`, or four times the width."""
        return int(huggingface_config.n_inner or 4 * huggingface_config.n_embd)

    @staticmethod
    def get_hidden_act(huggingface_config: PretrainedConfig) -> str:
        """`activation_function`."""
        name: str = huggingface_config.activation_function
        return name

    def layer_kind(self, index: int) -> LayerKind:
        """See `DecoderConfig.layer_kind`."""
        return super().layer_kind(index)._replace(rope=None)
