"""The numbers that blocks of quantized weights stand for: plain torch, the definition of correct.

Each function follows the layout in ggml-common.h and the arithmetic of ggml-quants.c, operation by
operation, so that the results are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from max.graph.quantization.encodings import QuantizationEncoding
from max.graph.quantization.fields import fields, halves
from max.graph.quantization.grid_blocks import GRID_BLOCKS

Dequantizer = Callable[[torch.Tensor], torch.Tensor]


def dequantize_rows(packed: torch.Tensor, encoding: QuantizationEncoding) -> torch.Tensor:
    """The elements of rows of blocks.

    Args:
        packed: uint8 [..., bytes of a row].
        encoding: of the blocks.

    Returns:
        float32 [..., elements of a row].

    Raises:
        ValueError: if a row is no whole number of blocks, or the encoding has no blocks.
    """
    elements = encoding.row_elements(packed.shape[-1])
    if packed.numel() == 0:
        return packed.new_empty(*packed.shape[:-1], elements, dtype=torch.float32)
    blocks = packed.reshape(-1, encoding.block_size)
    return _DEQUANTIZERS[encoding](blocks).reshape(*packed.shape[:-1], elements)


def _fifth_bits(blocks: torch.Tensor, start: int) -> torch.Tensor:
    """The highest bits of 32 elements of 5 bits, in place: uint8 [blocks, 32] of 0 or 16."""
    shifts = torch.arange(8, dtype=torch.uint8, device=blocks.device)
    bits = (blocks[:, start : start + 4, None] >> shifts) & 1
    return bits.reshape(-1, 32) << 4


def _q4_0(blocks: torch.Tensor) -> torch.Tensor:
    q = fields(blocks[:, 2:], 16, 4).to(torch.int8) - 8
    return halves(blocks, 0) * q.float()


def _q4_1(blocks: torch.Tensor) -> torch.Tensor:
    q = fields(blocks[:, 4:], 16, 4)
    return halves(blocks, 0) * q.float() + halves(blocks, 2)


def _q5_0(blocks: torch.Tensor) -> torch.Tensor:
    q = fields(blocks[:, 6:], 16, 4) | _fifth_bits(blocks, 2)
    return halves(blocks, 0) * (q.to(torch.int8) - 16).float()


def _q5_1(blocks: torch.Tensor) -> torch.Tensor:
    q = fields(blocks[:, 8:], 16, 4) | _fifth_bits(blocks, 4)
    return halves(blocks, 0) * q.float() + halves(blocks, 2)


def _q8_0(blocks: torch.Tensor) -> torch.Tensor:
    return blocks[:, 2:].contiguous().view(torch.int8).float() * halves(blocks, 0)


def _scales_and_mins(blocks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of Q4_K's and Q5_K's 8 groups of 32 elements, float32 [blocks, 8, 1] each.

    Sixteen fields of 6 bits in the 12 bytes from the 4th on: the first four scales and mins are the
    low bits of bytes 0-3 and 4-7; the others have 4 bits in bytes 8-11 and 2 above the former.
    """
    low_scales, low_mins, rest = blocks[:, 4:16].reshape(-1, 3, 4).unbind(1)
    high_scales = (rest & 0x0F) | ((low_scales >> 2) & 0x30)
    high_mins = (rest >> 4) | ((low_mins >> 2) & 0x30)
    scales = torch.cat((low_scales & 0x3F, high_scales), 1)
    mins = torch.cat((low_mins & 0x3F, high_mins), 1)
    d, dmin = halves(blocks, 0), halves(blocks, 2)
    return (d * scales.float())[:, :, None], (dmin * mins.float())[:, :, None]


def _q4_k(blocks: torch.Tensor) -> torch.Tensor:
    scales, mins = _scales_and_mins(blocks)
    q = fields(blocks[:, 16:], 32, 4).reshape(-1, 8, 32)
    return scales * q.float() - mins


def _q5_k(blocks: torch.Tensor) -> torch.Tensor:
    scales, mins = _scales_and_mins(blocks)
    q = fields(blocks[:, 48:], 32, 4) | (fields(blocks[:, 16:48], 32, 1) << 4)
    return scales * q.reshape(-1, 8, 32).float() - mins


def _q6_k(blocks: torch.Tensor) -> torch.Tensor:
    scales = blocks[:, 192:208].contiguous().view(torch.int8).float()
    q = fields(blocks[:, :128], 64, 4) | (fields(blocks[:, 128:192], 32, 2) << 4)
    q = q.to(torch.int8).reshape(-1, 16, 16) - 32
    return (halves(blocks, 208) * scales)[:, :, None] * q.float()


def _q2_k(blocks: torch.Tensor) -> torch.Tensor:
    small = blocks[:, :16]
    scales = halves(blocks, 80) * (small & 15).float()
    mins = halves(blocks, 82) * (small >> 4).float()
    q = fields(blocks[:, 16:80], 32, 2).reshape(-1, 16, 16)
    return scales[:, :, None] * q.float() - mins[:, :, None]


def _q3_k(blocks: torch.Tensor) -> torch.Tensor:
    small = fields(blocks[:, 96:104], 8, 4) | (fields(blocks[:, 104:108], 4, 2) << 4)
    scales = halves(blocks, 108) * (small.to(torch.int8) - 32).float()
    q = fields(blocks[:, 32:96], 32, 2) | (fields(blocks[:, :32], 32, 1) << 2)
    return scales[:, :, None] * (q.to(torch.int8) - 4).reshape(-1, 16, 16).float()


def _look_up(numbers: tuple[int, ...], places: torch.Tensor) -> torch.Tensor:
    """The numbers of a table at places, float32."""
    table = torch.tensor(numbers, dtype=torch.float32, device=places.device)
    return table[places.int()]


# ggml-common.h's `kvalues_iq4nl`, and twice the numbers of floats of four bits.
_NONLINEAR = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)
_FLOAT4 = (0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12)


def _iq4_nl(blocks: torch.Tensor) -> torch.Tensor:
    return halves(blocks, 0) * _look_up(_NONLINEAR, fields(blocks[:, 2:], 16, 4))


def _iq4_xs(blocks: torch.Tensor) -> torch.Tensor:
    low = fields(blocks[:, 4:8], 1, 4)
    high = fields(blocks[:, 2:4], 1, 2)
    scales = halves(blocks, 0) * ((low | (high << 4)).to(torch.int8) - 32).float()
    q = _look_up(_NONLINEAR, fields(blocks[:, 8:], 16, 4)).reshape(-1, 8, 32)
    return scales[:, :, None] * q


def _mxfp4(blocks: torch.Tensor) -> torch.Tensor:
    exponents = blocks[:, :1].int()
    # Half of 2^(exponent - 127); subnormal for the first two.
    bits = torch.where(exponents < 2, 0x00200000 << exponents.clamp(max=1), (exponents - 1) << 23)
    return bits.view(torch.float32) * _look_up(_FLOAT4, fields(blocks[:, 1:], 16, 4))


def _tq1_0(blocks: torch.Tensor) -> torch.Tensor:
    """Digits of a fraction of 256, the first one first."""
    digits = []
    for part, count in ((blocks[:, :32], 5), (blocks[:, 32:48], 5), (blocks[:, 48:52], 4)):
        powers = 3 ** torch.arange(count, dtype=torch.uint8, device=blocks.device)
        shifted = (part[:, None, :] * powers[:, None]).int()
        digits.append(((shifted * 3) >> 8).flatten(1))
    return halves(blocks, 52) * (torch.cat(digits, 1) - 1).float()


def _tq2_0(blocks: torch.Tensor) -> torch.Tensor:
    return halves(blocks, 64) * (fields(blocks[:, :64], 32, 2).to(torch.int8) - 1).float()


def _float_of(dtype: torch.dtype) -> Dequantizer:
    return lambda blocks: blocks.contiguous().view(dtype).float()


_DEQUANTIZERS: dict[QuantizationEncoding, Dequantizer] = {
    QuantizationEncoding.Q4_0: _q4_0,
    QuantizationEncoding.Q4_1: _q4_1,
    QuantizationEncoding.Q5_0: _q5_0,
    QuantizationEncoding.Q5_1: _q5_1,
    QuantizationEncoding.Q8_0: _q8_0,
    QuantizationEncoding.Q2_K: _q2_k,
    QuantizationEncoding.Q3_K: _q3_k,
    QuantizationEncoding.Q4_K: _q4_k,
    QuantizationEncoding.Q5_K: _q5_k,
    QuantizationEncoding.Q6_K: _q6_k,
    QuantizationEncoding.IQ4_NL: _iq4_nl,
    QuantizationEncoding.IQ4_XS: _iq4_xs,
    QuantizationEncoding.MXFP4: _mxfp4,
    QuantizationEncoding.TQ1_0: _tq1_0,
    QuantizationEncoding.TQ2_0: _tq2_0,
    **GRID_BLOCKS,
    QuantizationEncoding.F16: _float_of(torch.float16),
    QuantizationEncoding.BF16: _float_of(torch.bfloat16),
}
