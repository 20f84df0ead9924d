"""The pipeline model of Qwen3 embedders."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.qwen3.model import Qwen3Model
from max.pipelines.architectures.qwen3.qwen3 import Qwen3
from max.pipelines.lib.embed.encoder import DecoderRows


class Qwen3Rows(DecoderRows, Qwen3):
    """Qwen3 that gives rows."""


class Qwen3EmbeddingModel(Qwen3Model):
    """A Qwen3 embedder."""

    decoder_cls: ClassVar[type[Any]] = Qwen3Rows
    gives_logits: ClassVar[bool] = False
