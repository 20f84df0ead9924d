"""What an Apertus model is, read from config.json."""

from __future__ import annotations

from max.pipelines.lib.decoder_config import DecoderConfig


class ApertusConfig(DecoderConfig):
    """A decoder's configuration; config.json has the usual fields."""
