"""The indices of an embedding, as C kernels read them."""

from __future__ import annotations

import torch


def checked_indices(indices: torch.Tensor, rows: int) -> torch.Tensor:
    """The indices as contiguous int64 [count].

    Raises:
        IndexError: if one is not in [-rows, rows), which the kernels do not look at.
    """
    flat = indices.long().reshape(-1).contiguous()
    if len(flat):
        least, most = (int(index) for index in torch.aminmax(flat))
        if least < -rows or most >= rows:
            raise IndexError(
                f"indices from {least} to {most} into an embedding of {rows} rows: "
                f"allowed are {-rows} to {rows - 1}"
            )
    return flat
