"""The numbers of blocks whose elements are vectors of a grid: IQ1, IQ2, IQ3.

As ggml-quants.c computes them, to the last bit.
"""

from __future__ import annotations

import torch

from max.graph.quantization.encodings import QuantizationEncoding
from max.graph.quantization.fields import fields, halves
from max.graph.quantization.grids import grid_of

_Q = QuantizationEncoding
_IQ1_DELTA = 0.125


def _vectors(encoding: QuantizationEncoding, places: torch.Tensor) -> torch.Tensor:
    """The vectors at places, float32 [..., numbers]."""
    grid = grid_of(encoding)
    assert grid is not None
    return grid.to(places.device)[places].float()


def _shorts(blocks: torch.Tensor, start: int, end: int) -> torch.Tensor:
    """Little-endian numbers of 16 bits between two bytes of each block, as int32."""
    pairs = blocks[:, start:end].int().reshape(len(blocks), -1, 2)
    return pairs[..., 0] | (pairs[..., 1] << 8)


def _words(blocks: torch.Tensor, start: int, end: int) -> torch.Tensor:
    """Little-endian numbers of 32 bits between two bytes of each block, as int64."""
    pairs = _shorts(blocks, start, end).long().reshape(len(blocks), -1, 2)
    return pairs[..., 0] | (pairs[..., 1] << 16)


def _signs(bits: torch.Tensor) -> torch.Tensor:
    """-1 for each of eight bits that is set, else 1: float32 [..., 8]."""
    shifts = torch.arange(8, device=bits.device)
    return 1 - 2 * ((bits[..., None].long() >> shifts) & 1).float()


def _even_signs(sevens: torch.Tensor) -> torch.Tensor:
    """The same of seven bits, the number of negative ones being even."""
    shifts = torch.arange(7, device=sevens.device)
    parity = ((sevens[..., None].long() >> shifts) & 1).sum(-1) & 1
    return _signs(sevens.long() | (parity << 7))


def _scaled(scales: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """Numbers [blocks, ...] of equal groups, each with a scale: float32 [blocks, 256]."""
    return (scales[:, :, None] * numbers.reshape(*scales.shape, -1)).reshape(-1, 256)


def _sevens(words: torch.Tensor) -> torch.Tensor:
    """The four lowest fields of seven bits of each word."""
    return (words[..., None] >> torch.tensor([0, 7, 14, 21], device=words.device)) & 127


def _iq2_xxs(blocks: torch.Tensor) -> torch.Tensor:
    places, rest = blocks[:, 2:].unflatten(1, (8, 2, 4)).unbind(2)
    words = _words(rest.reshape(-1, 32), 0, 32)
    scales = halves(blocks, 0) * (0.5 + (words >> 28).float()) * 0.25
    vectors = _vectors(_Q.IQ2_XXS, places.int()) * _even_signs(_sevens(words))
    return _scaled(scales, vectors)


def _iq2_scales(blocks: torch.Tensor, start: int) -> torch.Tensor:
    """Of 16 groups of 16 elements: fields of four bits."""
    small = fields(blocks[:, start : start + 8], 1, 4).float()
    return halves(blocks, 0) * (0.5 + small) * 0.25


def _iq2_xs(blocks: torch.Tensor) -> torch.Tensor:
    shorts = _shorts(blocks, 2, 66)
    vectors = _vectors(_Q.IQ2_XS, shorts & 511) * _even_signs(shorts >> 9)
    return _scaled(_iq2_scales(blocks, 66), vectors)


def _iq2_s(blocks: torch.Tensor) -> torch.Tensor:
    places = blocks[:, 2:34].int() | (fields(blocks[:, 66:74], 1, 2).int() << 8)
    vectors = _vectors(_Q.IQ2_S, places) * _signs(blocks[:, 34:66])
    return _scaled(_iq2_scales(blocks, 74), vectors)


def _iq3_xxs(blocks: torch.Tensor) -> torch.Tensor:
    words = _words(blocks, 66, 98)
    scales = halves(blocks, 0) * (0.5 + (words >> 28).float()) * 0.5
    vectors = _vectors(_Q.IQ3_XXS, blocks[:, 2:66].int())
    signs = _even_signs(_sevens(words))
    return _scaled(scales, vectors.reshape(signs.shape) * signs)


def _iq3_s(blocks: torch.Tensor) -> torch.Tensor:
    places = blocks[:, 2:66].int() | (fields(blocks[:, 66:74], 1, 1).int() << 8)
    scales = halves(blocks, 0) * (1 + 2 * fields(blocks[:, 106:110], 1, 4).int()).float()
    signs = _signs(blocks[:, 74:106])
    return _scaled(scales, _vectors(_Q.IQ3_S, places).reshape(signs.shape) * signs)


def _deltas(is_less: torch.Tensor) -> torch.Tensor:
    return torch.where(is_less != 0, -_IQ1_DELTA, _IQ1_DELTA)[..., None]


def _iq1_s(blocks: torch.Tensor) -> torch.Tensor:
    high = _shorts(blocks, 34, 50)
    scales = halves(blocks, 0) * (2 * ((high >> 12) & 7) + 1).float()
    shifts = torch.tensor([0, 3, 6, 9], dtype=torch.int32, device=blocks.device)
    above = ((high[..., None] >> shifts) & 7).flatten(1)
    vectors = _vectors(_Q.IQ1_S, blocks[:, 2:34].int() | (above << 8))
    deltas = _deltas(high & 0x8000).repeat_interleave(4, 1)
    return _scaled(scales, vectors + deltas)


def _iq1_m(blocks: torch.Tensor) -> torch.Tensor:
    small = _shorts(blocks, 48, 56)
    # The block's scale is in the upper four bits of each of these.
    shifts = torch.tensor([0, 4, 8, 12], dtype=torch.int32, device=blocks.device)
    bits = ((small >> 12) << shifts).sum(1, dtype=torch.int32)
    d = torch.stack([bits & 255, bits >> 8], 1).to(torch.uint8).view(torch.float16).float()
    thirds = torch.tensor([0, 3, 6, 9], dtype=torch.int32, device=blocks.device)
    scales = d * (2 * ((small[..., None] >> thirds) & 7).flatten(1) + 1).float()
    above = fields(blocks[:, 32:48], 1, 4).int()
    vectors = _vectors(_Q.IQ1_M, blocks[:, :32].int() | ((above & 7) << 8))
    return _scaled(scales, vectors + _deltas(above & 8))


GRID_BLOCKS = {
    _Q.IQ1_S: _iq1_s,
    _Q.IQ1_M: _iq1_m,
    _Q.IQ2_XXS: _iq2_xxs,
    _Q.IQ2_XS: _iq2_xs,
    _Q.IQ2_S: _iq2_s,
    _Q.IQ3_XXS: _iq3_xxs,
    _Q.IQ3_S: _iq3_s,
}
