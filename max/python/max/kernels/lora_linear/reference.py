"""What `max::lora_linear` computes, in plain torch."""

from __future__ import annotations

import torch

# Outputs of a panel of `b`; see include/lora.h.
PANEL = 16


def rows_of_panels(b: torch.Tensor, rank: int, outputs: int) -> torch.Tensor:
    """The first rows of a slot's `b` [panels, rank, 16] as a matrix [rank, outputs], in float32."""
    return b[:, :rank].transpose(0, 1).flatten(1)[:, :outputs].float()


def lora_linear_reference(
    y: torch.Tensor,
    x: torch.Tensor,
    slots: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    scales: torch.Tensor,
    ranks: torch.Tensor,
    affine: torch.Tensor,
    is_affine: torch.Tensor,
) -> torch.Tensor:
    """`factor * (y + scale * (x @ a) @ b) + shift`, each row with the adapter of its slot.

    Computed in float32 and rounded once. Rows without an adapter, and those of an adapter that
    leaves this layer as it is, keep their bits.

    Args:
        y: [rows, outputs], results of the layer without adapters. Changed in place.
        x: [rows, inputs], what the layer read, of y's dtype.
        slots: int32 [rows, 1]; 0 for no adapter, s for that of slot s - 1 of the tensors below.
        a: [num_slots, inputs, rank] of y's dtype, or bfloat16 beside float32; columns beyond a
            slot's own rank are not read.
        b: [num_slots, panels, rank, 16] of a's dtype, panels of 16 outputs.
        scales: float32 [num_slots].
        ranks: int32 [num_slots]; 0 for an adapter that has no product for this layer.
        affine: float32 [num_slots, 2, outputs], factors and shifts.
        is_affine: int32 [num_slots]; 0 for an adapter without those.

    Returns:
        y.
    """
    for slot in set(slots.flatten().tolist()) - {0}:
        i, rows = slot - 1, slots[:, 0] == slot
        rank = int(ranks[i])
        if not rank and not is_affine[i]:
            continue
        sums = y[rows].float()
        if rank:
            narrow = scales[i] * (x[rows].float() @ a[i, :, :rank].float())
            sums = sums + narrow @ rows_of_panels(b[i], rank, y.shape[1])
        if is_affine[i]:
            sums = affine[i, 0] * sums + affine[i, 1]
        y[rows] = sums.to(y.dtype)
    return y
