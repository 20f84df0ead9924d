"""What an InternLM2 model is."""

from __future__ import annotations

from typing import ClassVar

from max.pipelines.architectures.internlm2.checkpoint import INTERNLM2_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig


class InternLM2Config(DecoderConfig):
    """A decoder's configuration."""

    config_fields: ClassVar[ConfigFields | None] = INTERNLM2_FIELDS
    gguf_rope_is_interleaved: ClassVar[bool] = True
