"""What `max::lora_embedding` computes, in plain torch."""

from __future__ import annotations

import torch

from max.kernels.lora_linear.reference import rows_of_panels


def lora_embedding_reference(
    y: torch.Tensor,
    ids: torch.Tensor,
    slots: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    scales: torch.Tensor,
    ranks: torch.Tensor,
) -> torch.Tensor:
    """`y + scale * a[id] @ b`, each row with the adapter of its slot.

    Computed in float32 and rounded once; rows without an adapter keep their bits.

    Args:
        y: [rows, outputs], rows of the table without adapters. Changed in place.
        ids: int64 [rows], which rows of the table they are; one beyond it adds nothing.
        slots: int32 [rows, 1], see `max::lora_linear`, as the rest.
        a: [num_slots, size of the table, rank] of y's dtype, or bfloat16 beside float32.
        b: [num_slots, panels, rank, 16] of a's dtype, panels of 16 outputs.
        scales: float32 [num_slots].
        ranks: int32 [num_slots].

    Returns:
        y.
    """
    is_known = (ids >= 0) & (ids < a.shape[1])
    for slot in set(slots.flatten().tolist()) - {0}:
        i, rows = slot - 1, (slots[:, 0] == slot) & is_known
        rank = int(ranks[i])
        if rank:
            narrow = scales[i] * a[i, ids[rows], :rank].float()
            product = narrow @ rows_of_panels(b[i], rank, y.shape[1])
            y[rows] = (y[rows].float() + product).to(y.dtype)
    return y
