"""The rows of one step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from max.nn.lora import RowSlots

T = TypeVar("T")


@dataclass(frozen=True)
class RaggedBatch(Generic[T]):
    """The active tokens of all requests, without padding.

    Args:
        tokens: int64 [rows].
        row_offsets: uint32 [batch + 1], each request's rows.
        return_n_logits: int64 [1] or [batch] on the host, see `logits_postprocess`.
        freqs_cis: the angles that a documented call hands from layer to layer.
        positions: int64 [rows], each token's place in its request, for models that embed it.
        adapters: which rows have which adapter, for models that take some.
    """

    tokens: T
    row_offsets: T
    return_n_logits: T
    freqs_cis: T | None = None
    positions: T | None = None
    adapters: RowSlots | None = None

    @classmethod
    def of_rows(cls, row_offsets: T, freqs_cis: T | None = None) -> RaggedBatch[Any]:
        """What a layer knows of a batch when it is called in the documented way."""
        return RaggedBatch[Any](None, row_offsets, None, freqs_cis)
