"""The rows of one step: as graph types, as graph values, and as buffers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

# Fields that came after the documented inputs: they stand after the cache's, where a package that
# unpacks the documented ones does not meet them.
_LATER = ("positions",)


@dataclass(frozen=True)
class RaggedBatch(Generic[T]):
    """The active tokens of all requests, without padding.

    Args:
        tokens: int64 [rows].
        row_offsets: uint32 [batch + 1], each request's rows.
        return_n_logits: int64 [1] or [batch] on the host, see `logits_postprocess`.
        positions: int64 [rows], each row's position, for layers that cannot take it from the
            cache's lengths; None where the graph has no such input.
        freqs_cis: the angles that a documented call hands from layer to layer; no input.
    """

    tokens: T
    row_offsets: T
    return_n_logits: T
    positions: T | None = None
    freqs_cis: T | None = None

    @classmethod
    def of_rows(cls, row_offsets: T, freqs_cis: T) -> RaggedBatch[Any]:
        """What a layer knows of a batch when it is called in the documented way."""
        return RaggedBatch[Any](None, row_offsets, None, freqs_cis=freqs_cis)

    def flatten(self, cache: Iterable[T] = ()) -> list[T]:
        """The graph's inputs in order: the documented ones, the cache's, then later ones."""
        later = [value for name in _LATER if (value := getattr(self, name)) is not None]
        return [self.tokens, self.row_offsets, self.return_n_logits, *cache, *later]

    def unflatten(self, flat: Sequence[Any]) -> RaggedBatch[Any]:
        """The graph's values of these inputs; `flat[3:]` begins with the cache's.

        Args:
            flat: all of the graph's inputs, whose types `flatten` gave.
        """
        tokens, row_offsets, return_n_logits = (value.tensor for value in flat[:3])
        names = [name for name in _LATER if getattr(self, name) is not None]
        later = {name: value.tensor for name, value in zip(names, flat[-len(names) :], strict=True)}
        return RaggedBatch[Any](tokens, row_offsets, return_n_logits, **later if names else {})
