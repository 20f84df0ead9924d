"""What `max::last_rows` computes, in plain torch."""

from __future__ import annotations

import torch


def last_rows_reference(x: torch.Tensor, row_offsets: torch.Tensor) -> torch.Tensor:
    """The last row of each request.

    Args:
        x: [rows, ...], the rows of all requests without padding.
        row_offsets: uint32 [batch + 1], where each request's rows begin; no request is empty.

    Returns:
        [batch, ...].
    """
    return x[row_offsets.long()[1:] - 1]
