"""What `max::gather_rows` computes."""

from __future__ import annotations

import torch


def gather_rows_reference(table: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """`table[indices]`.

    Args:
        table: [rows, ...].
        indices: int64 of any shape, each in [-rows, rows).

    Returns:
        [shape of indices, ...].

    Raises:
        IndexError: for an index beyond the table; in a program, which cannot raise, its row is NaN.
    """
    return table[indices]
