"""Turns numbers into blocks: the reverse of `dequantize_rows`, with as little loss as llama.cpp.

The encodings with one scale per block follow ggml-quants.c to the bit; for the K encodings, which
search for good scales, `reference.py` says how.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch

from max.graph.quantization import QuantizationEncoding
from max.kernels.quantize_rows.cpu import make_search
from max.kernels.quantize_rows.reference import Search, nearest

Quantizer = Callable[[torch.Tensor, Search], torch.Tensor]

# Elements that are worked on at a time: what the search remembers of them stays in the cache.
_CHUNK_ELEMENTS = 2**17


@functools.cache
def _search() -> Search:
    return make_search() or Search()


def quantize_rows(
    x: torch.Tensor, encoding: QuantizationEncoding, search: Search | None = None
) -> torch.Tensor:
    """Rows of numbers as rows of blocks.

    Args:
        x: floating point [..., elements of a row], on the host.
        encoding: of the result.
        search: of good scales, in the K encodings; the fastest there is unless given.

    Returns:
        uint8 [..., bytes of a row].

    Raises:
        ValueError: if a row is no whole number of blocks, or the encoding cannot be made.
    """
    quantizer = _QUANTIZERS.get(encoding)
    if quantizer is None:
        known = ", ".join(e.name for e in _QUANTIZERS)
        raise ValueError(f"weights cannot be encoded as {encoding.name}; known: {known}")
    search = search or _search()
    per_block, block_size = encoding.block_parameters
    out = torch.empty(*x.shape[:-1], encoding.row_bytes(x.shape[-1]), dtype=torch.uint8)
    flat, packed = x.reshape(-1, per_block), out.reshape(-1, block_size)
    step = _CHUNK_ELEMENTS // per_block
    for start in range(0, len(flat), step):
        packed[start : start + step] = quantizer(flat[start : start + step].float(), search)
    return out


def _half(values: torch.Tensor) -> torch.Tensor:
    """float32 [blocks, 1] as the two bytes of a float16."""
    return values.to(torch.float16).contiguous().view(torch.uint8)


def _packed(q: torch.Tensor, group: int, bits: int) -> torch.Tensor:
    """Fields of `bits` bits in bytes: the first `group` of them are the lowest of as many bytes."""
    fields = q.reshape(len(q), -1, 8 // bits, group)
    shifts = torch.arange(0, 8, bits, dtype=torch.uint8).reshape(-1, 1)
    return (fields << shifts).sum(2, dtype=torch.uint8).reshape(len(q), -1)


def _fifth_bits(q: torch.Tensor) -> torch.Tensor:
    """The highest bits of 32 elements of 5 bits, as 4 bytes."""
    shifts = torch.arange(8, dtype=torch.uint8)
    return ((q >> 4).reshape(-1, 4, 8) << shifts).sum(2, dtype=torch.uint8)


def _inverse(d: torch.Tensor) -> torch.Tensor:
    return torch.where(d == 0, 0.0, 1 / d)


def _by_largest(x: torch.Tensor, bits: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale [blocks, 1] by which the largest element is the lowest number; the numbers, uint8."""
    middle = 1 << (bits - 1)
    largest = x.gather(1, x.abs().argmax(1, keepdim=True))
    d = largest / -middle
    q = (x * _inverse(d) + (middle + 0.5)).trunc().clamp(0, 2 * middle - 1)
    return d, q.to(torch.uint8)


def _by_range(x: torch.Tensor, bits: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Scale and least element [blocks, 1], and the numbers above it, uint8."""
    least, most = x.amin(1, keepdim=True), x.amax(1, keepdim=True)
    levels = (1 << bits) - 1
    d = (most - least) / levels
    q = ((x - least) * _inverse(d) + 0.5).trunc().clamp(0, levels)
    return d, least, q.to(torch.uint8)


def _q4_0(x: torch.Tensor, search: Search) -> torch.Tensor:
    d, q = _by_largest(x, 4)
    return torch.cat((_half(d), _packed(q, 16, 4)), 1)


def _q4_1(x: torch.Tensor, search: Search) -> torch.Tensor:
    d, least, q = _by_range(x, 4)
    return torch.cat((_half(d), _half(least), _packed(q, 16, 4)), 1)


def _q5_0(x: torch.Tensor, search: Search) -> torch.Tensor:
    d, q = _by_largest(x, 5)
    return torch.cat((_half(d), _fifth_bits(q), _packed(q & 0x0F, 16, 4)), 1)


def _q5_1(x: torch.Tensor, search: Search) -> torch.Tensor:
    d, least, q = _by_range(x, 5)
    return torch.cat((_half(d), _half(least), _fifth_bits(q), _packed(q & 0x0F, 16, 4)), 1)


def _q8_0(x: torch.Tensor, search: Search) -> torch.Tensor:
    d = x.abs().amax(1, keepdim=True) / 127
    scaled = x * _inverse(d)
    # Halves go away from zero, as roundf has it.
    q = (scaled.abs() + 0.5).floor() * scaled.sign()
    return torch.cat((_half(d), q.to(torch.int8).view(torch.uint8)), 1)


def _scales_mins_and_numbers(
    x: torch.Tensor, search: Search, bits: int, first: float, steps: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The first 16 bytes of a block of Q4_K or Q5_K, and its numbers, uint8 [blocks, 256]."""
    groups = x.reshape(-1, 8, 32)
    levels = (1 << bits) - 1
    scales, mins = search.scale_and_min(groups, levels, first, steps)
    most_scale, most_min = scales.amax(1, keepdim=True), mins.amax(1, keepdim=True)
    quantized_scales = nearest(scales * _inverse(most_scale / 63)).clamp(max=63)
    quantized_mins = nearest(mins * _inverse(most_min / 63)).clamp(max=63)
    d, dmin = _half(most_scale / 63), _half(most_min / 63)
    step = (d.view(torch.float16).float() * quantized_scales)[:, :, None]
    low = (dmin.view(torch.float16).float() * quantized_mins)[:, :, None]
    q = nearest((groups + low) * _inverse(step)).clamp(0, levels).to(torch.uint8)
    header = torch.cat((d, dmin, _six_bit_fields(quantized_scales, quantized_mins)), 1)
    return header, q.reshape(-1, 256)


def _six_bit_fields(scales: torch.Tensor, mins: torch.Tensor) -> torch.Tensor:
    """Eight scales and eight mins in 12 bytes; `dequantize` says how."""
    low_scale, high_scale = scales.to(torch.uint8).split(4, 1)
    low_min, high_min = mins.to(torch.uint8).split(4, 1)
    return torch.cat(
        (
            low_scale | ((high_scale >> 4) << 6),
            low_min | ((high_min >> 4) << 6),
            (high_scale & 0x0F) | ((high_min & 0x0F) << 4),
        ),
        1,
    )


def _q4_k(x: torch.Tensor, search: Search) -> torch.Tensor:
    header, q = _scales_mins_and_numbers(x, search, 4, first=-1.0, steps=20)
    return torch.cat((header, _packed(q, 32, 4)), 1)


def _q5_k(x: torch.Tensor, search: Search) -> torch.Tensor:
    header, q = _scales_mins_and_numbers(x, search, 5, first=-0.5, steps=15)
    return torch.cat((header, _packed(q >> 4, 32, 1), _packed(q & 0x0F, 32, 4)), 1)


def _q6_k(x: torch.Tensor, search: Search) -> torch.Tensor:
    groups = x.reshape(-1, 16, 16)
    scales = search.scale(groups, 32)
    largest = scales.gather(1, scales.abs().argmax(1, keepdim=True))
    inverse = _inverse(largest / -128)
    d = _half(_inverse(inverse))
    quantized = nearest(scales * inverse).clamp(-128, 127)
    step = (d.view(torch.float16).float() * quantized)[:, :, None]
    q = (nearest(groups * _inverse(step)).clamp(-32, 31) + 32).to(torch.uint8).reshape(-1, 256)
    scale_bytes = quantized.to(torch.int8).view(torch.uint8)
    return torch.cat((_packed(q & 0x0F, 64, 4), _packed(q >> 4, 32, 2), scale_bytes, d), 1)


_QUANTIZERS: dict[QuantizationEncoding, Quantizer] = {
    QuantizationEncoding.Q4_0: _q4_0,
    QuantizationEncoding.Q4_1: _q4_1,
    QuantizationEncoding.Q5_0: _q5_0,
    QuantizationEncoding.Q5_1: _q5_1,
    QuantizationEncoding.Q8_0: _q8_0,
    QuantizationEncoding.Q4_K: _q4_k,
    QuantizationEncoding.Q5_K: _q5_k,
    QuantizationEncoding.Q6_K: _q6_k,
}
