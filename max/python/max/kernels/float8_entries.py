"""Entries of a cache in 8 bits: numbers of float8_e4m3fn, and a factor of each vector.

    | number 0 .. number n - 1 | factor, float32 | 12 bytes that nobody reads |

The factor makes the largest number of the vector 448, the largest that the type has. So a vector of
any size loses the same, whatever the rest of the cache holds, and a token's bytes do not depend on
others'. 16 bytes and not 4, so that vectors begin where wide loads do.
"""

from __future__ import annotations

import torch

# Behind the numbers of a vector.
FACTOR_BYTES = 16
LARGEST = 448.0


def has_factors(dtype: torch.dtype) -> bool:
    """Whether entries of a cache of a type have factors."""
    return dtype == torch.float8_e4m3fn


def entry_elements(kv_blocks: torch.Tensor) -> int:
    """The numbers of a vector in the cache: the size of a head, or of a latent's entry."""
    width = kv_blocks.shape[-1]
    return width - FACTOR_BYTES if has_factors(kv_blocks.dtype) else width


def encoded(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Vectors as a cache of a type has them, to be written to `as_written` of it.

    Args:
        x: floating point [..., elements].
        dtype: of the cache.

    Returns:
        Of that type; with factors bytes, [..., elements + FACTOR_BYTES].
    """
    if not has_factors(dtype):
        return x.to(dtype)
    wide = x.float()
    largest = wide.abs().amax(-1, keepdim=True)
    factor = torch.where(largest > 0, largest / LARGEST, 1.0)
    numbers = (wide / factor).to(dtype).view(torch.uint8)
    behind = torch.zeros([*x.shape[:-1], FACTOR_BYTES], dtype=torch.uint8, device=x.device)
    behind[..., :4] = factor.view(torch.uint8)
    return torch.cat((numbers, behind), -1)


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
