"""Ministral 3: Mistral with YaRN, whose queries grow with their positions."""

from max.pipelines.architectures.ministral3.arch import ministral3_arch

ARCHITECTURES = [ministral3_arch]

__all__ = ["ARCHITECTURES", "ministral3_arch"]
