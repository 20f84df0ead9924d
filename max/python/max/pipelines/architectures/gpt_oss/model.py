"""The GptOss pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.gpt_oss.gpt_oss import GptOss
from max.pipelines.architectures.gpt_oss.model_config import GptOssConfig
from max.pipelines.lib.decoder_model import DecoderModel


class GptOssModel(DecoderModel):
    """A GptOss model."""

    model_config_cls: ClassVar[type[Any] | None] = GptOssConfig
    decoder_cls: ClassVar[type[Any]] = GptOss
