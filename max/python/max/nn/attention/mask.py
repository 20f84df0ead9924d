"""Which positions a query sees, as one value from the layer to the kernel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from max.graph import Weight


class MHAMaskVariant(IntEnum):
    """The documented spelling of masks; the numbers are the documented ones."""

    CAUSAL_MASK = 0
    NULL_MASK = 2
    CHUNKED_CAUSAL_MASK = 3
    SLIDING_WINDOW_CAUSAL_MASK = 4
    SLIDING_WINDOW_NONCAUSAL_MASK = 5


@dataclass(frozen=True)
class Mask:
    """What becomes of attention scores before the softmax, beside their scale.

    Args:
        causal: whether a query sees only its own position and earlier ones.
        window: how many positions back (and ahead, unless causal) it sees, its own included; 0 for
            all.
        chunk: size of the blocks of positions within which it sees others; 0 for one block.
        softcap: scores s become `softcap * tanh(s / softcap)`; 0 for s itself.
        sinks: float [query heads], the score of one more position for each head, whose value is
            zero (Xiao et al., 2023; learned in gpt-oss).
        bias: float32 [query heads, 2 * span + 1], what a score gets for the distance from the query
            to the key, -span to span, of which farther ones take the outermost (Raffel et al.,
            2020, whose buckets of distances are runs of equal numbers).
    """

    causal: bool = True
    window: int = 0
    chunk: int = 0
    softcap: float = 0.0
    sinks: Weight | None = None
    bias: Weight | None = None

    @property
    def reach(self) -> int | None:
        """How many positions back a query sees at most, its own included; None for all."""
        return min((size for size in (self.window, self.chunk) if size), default=None)

    @classmethod
    def of(cls, variant: MHAMaskVariant, local_window_size: int | None) -> Mask:
        """The mask that the documented arguments mean.

        Args:
            variant: its kind.
            local_window_size: of a window, or of a chunk; not read for the other kinds.

        Raises:
            ValueError: if a window or chunk has no size.
        """
        causal = cls(variant not in _NOT_CAUSAL)
        if variant in (MHAMaskVariant.CAUSAL_MASK, MHAMaskVariant.NULL_MASK):
            return causal
        size = local_window_size or 0
        if size <= 0:
            raise ValueError(f"{variant.name} needs local_window_size, got {local_window_size}")
        if variant is MHAMaskVariant.CHUNKED_CAUSAL_MASK:
            return replace(causal, chunk=size)
        return replace(causal, window=size)


CAUSAL = Mask()
_NOT_CAUSAL = (MHAMaskVariant.NULL_MASK, MHAMaskVariant.SLIDING_WINDOW_NONCAUSAL_MASK)
