"""The Granite decoder with experts."""

from __future__ import annotations

from max.pipelines.architectures.granitemoe.model_config import GraniteMoeConfig
from max.pipelines.lib.expert_layers import ExpertDecoder


class GraniteMoe(ExpertDecoder[GraniteMoeConfig]):
    """A decoder with experts; its configuration says all that it differs in."""
