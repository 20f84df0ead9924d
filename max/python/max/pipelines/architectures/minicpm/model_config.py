"""What a MiniCPM model is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from max.pipelines.architectures.minicpm.checkpoint import MINICPM_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class MiniCPMConfig(DecoderConfig):
    """A decoder's configuration with a factor for embeddings, residuals and logits."""

    config_fields: ClassVar[ConfigFields | None] = MINICPM_FIELDS
    gguf_rope_is_interleaved: ClassVar[bool] = True

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`."""
        hf = huggingface_config
        return {
            "embedding_multiplier": hf.scale_emb,
            "residual_multiplier": hf.scale_depth / hf.num_hidden_layers**0.5,
            "logits_scaling": hf.hidden_size / hf.dim_model_base,
        }
