"""The numbers that blocks of quantized weights stand for: plain torch, the definition of correct.

Each function follows the layout in ggml-common.h and the arithmetic of ggml-quants.c, operation by
operation, so that the results are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from max.graph.quantization.encodings import QuantizationEncoding

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


def _floats(blocks: torch.Tensor, start: int) -> torch.Tensor:
    """The float16 at a byte of each block, as float32 [blocks, 1]."""
    return blocks[:, start : start + 2].contiguous().view(torch.float16).float()


def _fields(data: torch.Tensor, group: int, bits: int) -> torch.Tensor:
    """Fields of `bits` bits: all bytes' lowest of a group of bytes first, then the next.

    Args:
        data: uint8 [blocks, bytes].
        group: bytes of a group.
        bits: of a field; divides 8.

    Returns:
        uint8 [blocks, bytes * 8 / bits].
    """
    shifts = torch.arange(0, 8, bits, dtype=torch.uint8, device=data.device).reshape(1, 1, -1, 1)
    grouped = data.reshape(len(data), -1, 1, group)
    return ((grouped >> shifts) & ((1 << bits) - 1)).reshape(len(data), -1)


def _fifth_bits(blocks: torch.Tensor, start: int) -> torch.Tensor:
    """The highest bits of 32 elements of 5 bits, in place: uint8 [blocks, 32] of 0 or 16."""
    shifts = torch.arange(8, dtype=torch.uint8, device=blocks.device)
    bits = (blocks[:, start : start + 4, None] >> shifts) & 1
    return bits.reshape(-1, 32) << 4


def _q4_0(blocks: torch.Tensor) -> torch.Tensor:
    q = _fields(blocks[:, 2:], 16, 4).to(torch.int8) - 8
    return _floats(blocks, 0) * q.float()


def _q4_1(blocks: torch.Tensor) -> torch.Tensor:
    q = _fields(blocks[:, 4:], 16, 4)
    return _floats(blocks, 0) * q.float() + _floats(blocks, 2)


def _q5_0(blocks: torch.Tensor) -> torch.Tensor:
    q = _fields(blocks[:, 6:], 16, 4) | _fifth_bits(blocks, 2)
    return _floats(blocks, 0) * (q.to(torch.int8) - 16).float()


def _q5_1(blocks: torch.Tensor) -> torch.Tensor:
    q = _fields(blocks[:, 8:], 16, 4) | _fifth_bits(blocks, 4)
    return _floats(blocks, 0) * q.float() + _floats(blocks, 2)


def _q8_0(blocks: torch.Tensor) -> torch.Tensor:
    return blocks[:, 2:].contiguous().view(torch.int8).float() * _floats(blocks, 0)


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
    d, dmin = _floats(blocks, 0), _floats(blocks, 2)
    return (d * scales.float())[:, :, None], (dmin * mins.float())[:, :, None]


def _q4_k(blocks: torch.Tensor) -> torch.Tensor:
    scales, mins = _scales_and_mins(blocks)
    q = _fields(blocks[:, 16:], 32, 4).reshape(-1, 8, 32)
    return scales * q.float() - mins


def _q5_k(blocks: torch.Tensor) -> torch.Tensor:
    scales, mins = _scales_and_mins(blocks)
    q = _fields(blocks[:, 48:], 32, 4) | (_fields(blocks[:, 16:48], 32, 1) << 4)
    return scales * q.reshape(-1, 8, 32).float() - mins


def _q6_k(blocks: torch.Tensor) -> torch.Tensor:
    scales = blocks[:, 192:208].contiguous().view(torch.int8).float()
    q = _fields(blocks[:, :128], 64, 4) | (_fields(blocks[:, 128:192], 32, 2) << 4)
    q = q.to(torch.int8).reshape(-1, 16, 16) - 32
    return (_floats(blocks, 208) * scales)[:, :, None] * q.float()


def _float_of(dtype: torch.dtype) -> Dequantizer:
    return lambda blocks: blocks.contiguous().view(dtype).float()


_DEQUANTIZERS: dict[QuantizationEncoding, Dequantizer] = {
    QuantizationEncoding.Q4_0: _q4_0,
    QuantizationEncoding.Q4_1: _q4_1,
    QuantizationEncoding.Q5_0: _q5_0,
    QuantizationEncoding.Q5_1: _q5_1,
    QuantizationEncoding.Q8_0: _q8_0,
    QuantizationEncoding.Q4_K: _q4_k,
    QuantizationEncoding.Q5_K: _q5_k,
    QuantizationEncoding.Q6_K: _q6_k,
    QuantizationEncoding.F16: _float_of(torch.float16),
    QuantizationEncoding.BF16: _float_of(torch.bfloat16),
}
