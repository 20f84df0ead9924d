"""What `max::scaled_matmul` computes."""

from __future__ import annotations

from collections.abc import Sequence

import torch

# Elements of the weight that are decoded at a time: no decoded copy of it ever exists.
_CHUNK_ELEMENTS = 2**20


def scaled_matmul_reference(
    x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor
) -> torch.Tensor:
    """`x @ (weight * scale).T`, in float32.

    Args:
        x: floating point [..., in].
        weight: floats of any size, float8_e4m3fn say, [out, in].
        scale: floating point: of one element for the whole weight, [out] or [out, 1] for its rows,
            [blocks of rows, blocks of columns] for blocks (see `sizes_of_blocks`), of which the
            last may not be whole.

    Returns:
        [..., out] of x's dtype.
    """
    out, columns = weight.shape
    rows_of_block, columns_of_block = sizes_of_blocks(weight.shape, scale.shape)
    factors = scale.float().reshape(-(-out // rows_of_block), -(-columns // columns_of_block))
    wide = x.float()
    result = x.new_empty(*x.shape[:-1], out)
    rows = max(1, _CHUNK_ELEMENTS // max(1, columns))
    for start in range(0, out, rows):
        part = weight[start : start + rows].float()
        own = factors[torch.arange(start, start + len(part)) // rows_of_block]
        decoded = part * own.repeat_interleave(columns_of_block, 1)[:, :columns]
        result[..., start : start + rows] = wide @ decoded.T
    return result


def sizes_of_blocks(weight: Sequence[int], scale: Sequence[int]) -> tuple[int, int]:
    """Rows and columns of the blocks that share a factor: powers of two, or the whole axis.

    Args:
        weight: shape of the weight.
        scale: shape of its factors.

    Raises:
        ValueError: if there are no such blocks.
    """
    counts = [*scale, 1] if len(scale) == 1 else [*scale] or [1, 1]
    rows, columns = (_size(*sizes) for sizes in zip(weight, counts, strict=True))
    if not rows or not columns:
        raise ValueError(f"factors of {list(scale)} do not fit a weight of {list(weight)}")
    return rows, columns


def _size(size: int, count: int) -> int:
    if count in (1, size):
        return max(1, size // count)
    found = (2**i for i in range(size.bit_length()) if -(-size // 2**i) == count)
    return next(found, 0)
