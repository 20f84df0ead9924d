"""What a StableLM model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from max.pipelines.architectures.stablelm.checkpoint import STABLELM_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class StableLmConfig(DecoderConfig):
    """A decoder's configuration.

    Args:
        qk_layernorm: whether each head's queries and keys are normalized.
        is_parallel: whether attention and MLP stand side by side.
    """

    config_fields: ClassVar[ConfigFields | None] = STABLELM_FIELDS

    qk_layernorm: bool = False
    is_parallel: bool = False

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`."""
        hf = huggingface_config
        return {
            "qk_layernorm": hf.qk_layernorm,
            "is_parallel": hf.use_parallel_residual,
            "rms_norm_eps": hf.layer_norm_eps,
        }

    @staticmethod
    def get_attention_biases(huggingface_config: PretrainedConfig) -> tuple[bool, bool]:
        """`use_qkv_bias`; the output projection has none."""
        return huggingface_config.use_qkv_bias, False
