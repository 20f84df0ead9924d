"""What a Command R model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from max.pipelines.architectures.cohere.checkpoint import COHERE_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class CohereConfig(DecoderConfig):
    """A decoder's configuration.

    Args:
        use_qk_norm: whether each head's queries and keys are normalized.
    """

    config_fields: ClassVar[ConfigFields | None] = COHERE_FIELDS
    rope_is_interleaved: ClassVar[bool] = True

    use_qk_norm: bool = False

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`."""
        hf = huggingface_config
        return {
            "logits_scaling": 1 / hf.logit_scale,
            "use_qk_norm": getattr(hf, "use_qk_norm", False),
            "rms_norm_eps": hf.layer_norm_eps,
        }
