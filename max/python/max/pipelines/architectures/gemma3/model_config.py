"""What a Gemma 3 text model is."""

from __future__ import annotations

from typing import ClassVar

from max.pipelines.architectures.gemma2.model_config import Gemma2Config
from max.pipelines.architectures.gemma3.checkpoint import GEMMA3_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields


class Gemma3Config(Gemma2Config):
    """Gemma 2's configuration; `rope_parameters` gives windowed layers angles of their own."""

    config_fields: ClassVar[ConfigFields | None] = GEMMA3_FIELDS
