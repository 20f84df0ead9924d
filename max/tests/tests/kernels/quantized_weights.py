"""Random quantized weights whose blocks have numbers of ordinary size."""

from __future__ import annotations

import torch

from max.graph.quantization import QuantizationEncoding

# Where in a block its float16 scales stand (ggml-common.h).
_SCALES_AT = {
    "q8_0": (0,),
    "q4_0": (0,),
    "q4_1": (0, 2),
    "q5_0": (0,),
    "q5_1": (0, 2),
    "q2_k": (80, 82),
    "q3_k": (108,),
    "q4_k": (0, 2),
    "q5_k": (0, 2),
    "q6_k": (208,),
    "iq4_nl": (0,),
    "iq4_xs": (0,),
    "mxfp4": (),
    "iq1_s": (0,),
    "iq1_m": (),
    "iq2_xxs": (0,),
    "iq2_xs": (0,),
    "iq2_s": (0,),
    "iq3_xxs": (0,),
    "iq3_s": (0,),
    "tq1_0": (52,),
    "tq2_0": (64,),
}


def make_quantized_weight(rows: int, columns: int, encoding: str, seed: int = 0) -> torch.Tensor:
    """Blocks of random bits with scales between 0.001 and 0.02, uint8 [rows, bytes of a row]."""
    random = torch.Generator().manual_seed(seed)
    kind = QuantizationEncoding(encoding)
    blocks = columns // kind.elements_per_block
    raw = torch.randint(
        0, 256, (rows, blocks, kind.block_size), dtype=torch.uint8, generator=random
    )
    for at in _SCALES_AT[encoding]:
        scales = torch.rand(rows, blocks, 1, generator=random) * 0.019 + 0.001
        raw[:, :, at : at + 2] = scales.half().view(torch.uint8)
    if encoding == "mxfp4":  # exponents of powers of two
        raw[:, :, 0] = torch.randint(118, 124, (rows, blocks), dtype=torch.uint8, generator=random)
    if encoding == "iq1_m":  # the uppermost bits of the scale: 2^-9
        raw[:, :, 55] = (raw[:, :, 55] & 0x0F) | 0x10
        raw[:, :, 53] &= 0x7F
    return raw.flatten(1)
