"""What `max::saved_embedding` computes, in plain torch."""

from __future__ import annotations

import torch


def saved_embedding_reference(
    y: torch.Tensor,
    ids: torch.Tensor,
    slots: torch.Tensor,
    tables: torch.Tensor,
    is_saved: torch.Tensor,
) -> torch.Tensor:
    """`table[id]` in the rows whose adapter has a table of its own; all others keep their bits.

    Args:
        y: [rows, outputs], rows of the model's own table. Changed in place.
        ids: int64 [rows], which rows of the table they are; one beyond it leaves its row as it is.
        slots: int32 [rows, 1]; 0 for no adapter, s for that of slot s - 1 of the tensors below.
        tables: [num_slots, size of the table, outputs] of y's dtype, or bfloat16 beside float32.
        is_saved: int32 [num_slots]; 0 for an adapter without a table.

    Returns:
        y.
    """
    is_known = (ids >= 0) & (ids < tables.shape[1])
    for slot in set(slots.flatten().tolist()) - {0}:
        if is_saved[slot - 1]:
            rows = (slots[:, 0] == slot) & is_known
            y[rows] = tables[slot - 1, ids[rows]].to(y.dtype)
    return y
