"""What `max::packed_embedding` computes, in plain torch."""

from __future__ import annotations

import torch

from max.kernels.layouts.panels import Panels


def packed_embedding_reference(
    packed: torch.Tensor,
    indices: torch.Tensor,
    rows: int,
    columns: int,
    encoding: str,
    dtype: torch.dtype,
) -> torch.Tensor:
    """`table[indices]` of a table in panels: the numbers that its rows stand for.

    Args:
        packed: the table in `Panels`.
        indices: int64 [...], each in [-rows, rows).
        rows: of the table.
        columns: of the table.
        encoding: of the table.
        dtype: of the result.

    Returns:
        [..., columns].

    Raises:
        IndexError: for an index beyond the table.
        NotImplementedError: for a table of blocks.
    """
    return Panels(rows, columns, encoding).elements(packed)[indices].to(dtype)
