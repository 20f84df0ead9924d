"""What a Falcon model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from max.pipelines.architectures.falcon.checkpoint import FALCON_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class FalconConfig(DecoderConfig):
    """A decoder's configuration.

    Args:
        is_parallel: whether attention and MLP stand side by side.
        has_mlp_norm: whether the MLP then has a norm of its own.
    """

    config_fields: ClassVar[ConfigFields | None] = FALCON_FIELDS

    is_parallel: bool = True
    has_mlp_norm: bool = False

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`.

        Raises:
            ValueError: for the newer architecture with one part behind the other.
        """
        hf = huggingface_config
        if hf.new_decoder_architecture and not hf.parallel_attn:
            raise ValueError(
                "config.json has new_decoder_architecture with parallel_attn=False, which is not "
                "supported; parallel_attn must be true"
            )
        return {
            "is_parallel": hf.parallel_attn,
            "has_mlp_norm": hf.new_decoder_architecture and hf.num_ln_in_parallel_attn != 1,
            "rms_norm_eps": hf.layer_norm_epsilon,
        }

    @staticmethod
    def get_num_kv_heads(huggingface_config: PretrainedConfig) -> int:
        """One for all queries, or `num_kv_heads` of other kinds of models."""
        hf = huggingface_config
        kv_heads: int = hf.num_kv_heads
        return kv_heads if hf.new_decoder_architecture or not hf.multi_query else 1

    @staticmethod
    def get_attention_biases(huggingface_config: PretrainedConfig) -> tuple[bool, bool]:
        """`bias`; it is about the MLP too."""
        return (huggingface_config.bias,) * 2

    @staticmethod
    def get_intermediate_size(huggingface_config: PretrainedConfig) -> int:
        """`ffn_hidden_size`."""
        size: int = huggingface_config.ffn_hidden_size
        return size

    @staticmethod
    def get_hidden_act(huggingface_config: PretrainedConfig) -> str:
        """`activation`."""
        name: str = huggingface_config.activation
        return name
