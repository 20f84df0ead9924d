"""What `max::saved_linear` computes, in plain torch."""

from __future__ import annotations

import torch

from max.kernels.lora_linear.reference import rows_of_panels


def saved_linear_reference(
    y: torch.Tensor,
    x: torch.Tensor,
    slots: torch.Tensor,
    weights: torch.Tensor,
    is_saved: torch.Tensor,
) -> torch.Tensor:
    """`x @ weight` in the rows whose adapter has a weight of its own for the layer.

    Computed in float32 and rounded once; all other rows keep their bits.

    Args:
        y: [rows, outputs], results of the model's own weight. Changed in place.
        x: [rows, inputs], what the layer read, of y's dtype.
        slots: int32 [rows, 1]; 0 for no adapter, s for that of slot s - 1 of the tensors below.
        weights: [num_slots, panels, inputs, 16] of y's dtype, or bfloat16 beside float32, panels of
            16 outputs.
        is_saved: int32 [num_slots]; 0 for an adapter without a weight for this layer.

    Returns:
        y.
    """
    for slot in set(slots.flatten().tolist()) - {0}:
        if is_saved[slot - 1]:
            rows = slots[:, 0] == slot
            weight = rows_of_panels(weights[slot - 1], x.shape[1], y.shape[1])
            y[rows] = (x[rows].float() @ weight).to(y.dtype)
    return y
