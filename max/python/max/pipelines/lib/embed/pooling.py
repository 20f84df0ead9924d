"""How the vectors of a text's tokens become one."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class Pooling(StrEnum):
    """The kinds that are supported, as sentence-transformers calls them."""

    CLS = "cls"
    MEAN = "mean"
    LAST_TOKEN = "lasttoken"

    @property
    def needs_whole_text(self) -> bool:
        """Whether all tokens of a text must be computed in one step."""
        return self is not Pooling.LAST_TOKEN


def pool(rows: torch.Tensor, lengths: Sequence[int], pooling: Pooling) -> torch.Tensor:
    """One vector per text.

    Args:
        rows: [rows, width], the vectors of all tokens, text after text.
        lengths: rows of each text, at least 1.
        pooling: the first row, the last one, or the mean.

    Returns:
        float32 [texts, width].
    """
    import torch

    counts = torch.tensor(lengths)
    ends = counts.cumsum(0)
    if pooling is Pooling.MEAN:
        return torch.segment_reduce(rows.float(), "mean", lengths=counts)
    return rows[ends - (counts if pooling is Pooling.CLS else 1)].float()
