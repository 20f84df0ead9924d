"""Random blocks of every encoding, whose numbers are of ordinary size."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from max.graph.quantization import QuantizationEncoding, dequantize_rows

# Where in a block its float16 scales stand (ggml-common.h).
SCALES_AT: Mapping[str, tuple[int, ...]] = {
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
# Of the weights of a model: like those that models begin with.
_DEVIATION = 0.05


def random_bytes(rows: int, blocks: int, encoding: str, random: torch.Generator) -> torch.Tensor:
    """Blocks of random bits, but for float16 scales: uint8 [rows, blocks, bytes].

    Scales of another form are small numbers: MXFP4's exponents, and IQ1_M's of four parts.
    """
    size = QuantizationEncoding(encoding).block_size
    raw = torch.randint(0, 256, (rows, blocks, size), dtype=torch.uint8, generator=random)
    if encoding == "mxfp4":
        raw[:, :, 0] = torch.randint(118, 124, (rows, blocks), dtype=torch.uint8, generator=random)
    if encoding == "iq1_m":  # the uppermost bits of the scale: 2^-9
        raw[:, :, 55] = (raw[:, :, 55] & 0x0F) | 0x10
        raw[:, :, 53] &= 0x7F
    return raw


def random_weight(rows: int, elements: int, encoding: QuantizationEncoding) -> torch.Tensor:
    """A model's weight, uint8 [rows, bytes of a row]."""
    random = torch.Generator().manual_seed(rows)
    blocks = elements // encoding.elements_per_block
    raw = random_bytes(rows, blocks, encoding.value, random)
    for scale in (1.0, None):
        if scale is None:
            scale = _DEVIATION / float(dequantize_rows(raw.flatten(1), encoding).std())
        for i, at in enumerate(SCALES_AT[encoding.value]):
            # The second one is of minimums: half of the greatest element makes up for these.
            value = torch.tensor([scale * (1.5 if i else 1)]).half()
            raw[:, :, at : at + 2] = value.view(torch.uint8)
    return raw.flatten(1)
