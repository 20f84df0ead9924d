"""What an OLMo 3 model is."""

from __future__ import annotations

from typing import ClassVar

from max.pipelines.architectures.olmo3.checkpoint import OLMO3_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig


class Olmo3Config(DecoderConfig):
    """A decoder's configuration; only layers that see everything have stretched angles."""

    config_fields: ClassVar[ConfigFields | None] = OLMO3_FIELDS
    drops_old_pages: ClassVar[bool] = True
