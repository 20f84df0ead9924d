"""Random quantized weights whose blocks have numbers of ordinary size."""

from __future__ import annotations

import torch

from integration.test_common.random_blocks import SCALES_AT, random_bytes
from max.graph.quantization import QuantizationEncoding


def make_quantized_weight(rows: int, columns: int, encoding: str, seed: int = 0) -> torch.Tensor:
    """Blocks of random bits with scales between 0.001 and 0.02, uint8 [rows, bytes of a row]."""
    random = torch.Generator().manual_seed(seed)
    blocks = columns // QuantizationEncoding(encoding).elements_per_block
    raw = random_bytes(rows, blocks, encoding, random)
    for at in SCALES_AT[encoding]:
        scales = torch.rand(rows, blocks, 1, generator=random) * 0.019 + 0.001
        raw[:, :, at : at + 2] = scales.half().view(torch.uint8)
    return raw.flatten(1)
