"""The indices of an embedding."""

from __future__ import annotations

import torch


def check_indices(packed: torch.Tensor, indices: torch.Tensor, rows: int, *_: object) -> None:
    """Refuses what an embedding of `rows` rows does not have.

    Raises:
        IndexError: if an index is not in [-rows, rows).
    """
    if indices.numel():
        least, most = (int(index) for index in torch.aminmax(indices))
        if least < -rows or most >= rows:
            raise IndexError(
                f"indices from {least} to {most} into an embedding of {rows} rows: "
                f"allowed are {-rows} to {rows - 1}"
            )
