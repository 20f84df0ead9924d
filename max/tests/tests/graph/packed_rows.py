"""Random rows of quantized weights."""

from __future__ import annotations

import numpy as np
import torch

from max.graph.quantization import QuantizationEncoding


def make_packed(encoding: QuantizationEncoding, rows: int, elements: int) -> torch.Tensor:
    """Random rows with scales that are small numbers."""
    rng = np.random.default_rng(0)
    packed = rng.integers(0, 256, (rows, encoding.row_bytes(elements)), dtype=np.uint8)
    blocks = packed.reshape(-1, encoding.block_size)
    scales = np.full(len(blocks), 0.01, np.float16).view(np.uint8).reshape(-1, 2)
    blocks[:, -2:] = scales
    blocks[:, 0:2] = scales
    blocks[:, 2:4] = scales
    return torch.from_numpy(packed)
