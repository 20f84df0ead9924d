"""What a Mistral model is."""

from __future__ import annotations

from typing import ClassVar

from max.pipelines.architectures.mistral.checkpoint import MISTRAL_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig


class MistralConfig(DecoderConfig):
    """A decoder's configuration; where it has a window, all layers have it."""

    config_fields: ClassVar[ConfigFields | None] = MISTRAL_FIELDS
    drops_old_pages: ClassVar[bool] = True
