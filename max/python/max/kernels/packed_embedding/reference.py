"""What `max::packed_embedding` computes, in plain torch."""

from __future__ import annotations

import torch

from max.kernels.packed_linear.packing import unpack


def packed_embedding_reference(
    packed: torch.Tensor, indices: torch.Tensor, rows: int, columns: int
) -> torch.Tensor:
    """`table[indices]` of a packed table.

    Args:
        packed: the table (see `packed_linear.packing`).
        indices: int64 [...], each in [-rows, rows).
        rows: of the table.
        columns: of the table.

    Returns:
        [..., columns].

    Raises:
        IndexError: for an index beyond the table.
    """
    return unpack(packed, rows, columns)[indices]
