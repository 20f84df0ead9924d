"""The Mixtral decoder."""

from __future__ import annotations

from max.pipelines.architectures.mixtral.model_config import MixtralConfig
from max.pipelines.lib.expert_layers import ExpertDecoder


class Mixtral(ExpertDecoder[MixtralConfig]):
    """A decoder with experts; its configuration says all that it differs in."""
