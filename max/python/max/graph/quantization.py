"""Encodings of quantized weights."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class QuantizationEncoding(Enum):
    """How blocks of weights are encoded."""

    Q4_0 = "q4_0"
    Q4_K = "q4_k"
    Q5_K = "q5_k"
    Q6_K = "q6_k"
    GPTQ = "gptq"


@dataclass(frozen=True)
class QuantizationConfig:
    """Parameters of a quantized checkpoint.

    Args:
        quant_method: the name in the checkpoint's configuration.
        bits: bits of one weight.
        group_size: weights that share a scale.
    """

    quant_method: str
    bits: int
    group_size: int
