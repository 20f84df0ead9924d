"""What a Phi 3 model is."""

from __future__ import annotations

from typing import ClassVar

from max.pipelines.architectures.phi3.checkpoint import PHI3_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig


class Phi3Config(DecoderConfig):
    """A decoder's configuration; where it has a window, all layers have it."""

    config_fields: ClassVar[ConfigFields | None] = PHI3_FIELDS
    drops_old_pages: ClassVar[bool] = True
