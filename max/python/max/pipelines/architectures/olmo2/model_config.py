"""What an OLMo 2 model is."""

from __future__ import annotations

from typing import ClassVar

from max.pipelines.architectures.olmo2.checkpoint import OLMO2_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig


class Olmo2Config(DecoderConfig):
    """A decoder's configuration."""

    config_fields: ClassVar[ConfigFields | None] = OLMO2_FIELDS
