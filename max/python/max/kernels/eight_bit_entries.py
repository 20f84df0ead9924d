"""Entries of a cache in 8 bits: numbers of float8_e4m3fn or int8, and a factor of each vector.

    | number 0 .. number n - 1 | factor, float32 | bytes that nobody reads |

The factor makes the largest number of the vector the largest that the type has. So a vector of any
size loses the same, whatever the rest of the cache holds, and a token's bytes do not depend on
others'.
"""

from __future__ import annotations

from typing import NamedTuple

import torch


class _Format(NamedTuple):
    """What a vector of a type becomes: its largest number, and the bytes behind the numbers."""

    largest: float
    factor_bytes: int


_FORMATS = {
    # 16 bytes and not 4, so that vectors begin where a GPU's wide loads do.
    torch.float8_e4m3fn: _Format(448.0, 16),
    torch.int8: _Format(127.0, 4),
}


def has_factors(dtype: torch.dtype) -> bool:
    """Whether entries of a cache of a type have factors."""
    return dtype in _FORMATS


def factor_bytes(dtype: torch.dtype) -> int:
    """What a vector has behind its numbers, in a cache of a type: as many numbers, or none."""
    return _FORMATS[dtype].factor_bytes if has_factors(dtype) else 0


def entry_elements(kv_blocks: torch.Tensor) -> int:
    """The numbers of a vector in the cache: the size of a head, or of a latent's entry."""
    return kv_blocks.shape[-1] - factor_bytes(kv_blocks.dtype)


def encoded(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Vectors as a cache of a type has them, to be written to `as_written` of it.

    Args:
        x: floating point [..., elements].
        dtype: of the cache.

    Returns:
        Of that type; with factors bytes, [..., elements + factor_bytes].
    """
    if not has_factors(dtype):
        return x.to(dtype)
    wide = x.float()
    largest = wide.abs().amax(-1, keepdim=True)
    factor = torch.where(largest == 0, 1.0, largest / _FORMATS[dtype].largest)
    numbers = wide / factor
    if not dtype.is_floating_point:
        numbers = numbers.round()
    behind = [*x.shape[:-1], factor_bytes(dtype)]
    padded = torch.zeros(behind, dtype=torch.uint8, device=x.device)
    padded[..., :4] = factor.view(torch.uint8)
    return torch.cat((numbers.to(dtype).view(torch.uint8), padded), -1)


def decoded(entries: torch.Tensor) -> torch.Tensor:
    """The numbers that vectors of a cache stand for, float32 [..., elements]."""
    if not has_factors(entries.dtype):
        return entries.float()
    elements = entry_elements(entries)
    factor = entries[..., elements : elements + 4].contiguous().view(torch.float32)
    return entries[..., :elements].float() * factor


def as_written(kv_blocks: torch.Tensor) -> torch.Tensor:
    """The cache as something that is indexed: torch does not index numbers of 8 bits everywhere."""
    return kv_blocks.view(torch.uint8) if has_factors(kv_blocks.dtype) else kv_blocks
