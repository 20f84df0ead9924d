"""The Nemotron pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.nemotron.model_config import NemotronConfig
from max.pipelines.architectures.nemotron.nemotron import Nemotron
from max.pipelines.lib.decoder_model import DecoderModel


class NemotronModel(DecoderModel):
    """A Nemotron model."""

    model_config_cls: ClassVar[type[Any] | None] = NemotronConfig
    decoder_cls: ClassVar[type[Any]] = Nemotron
