"""Which positions a query sees."""

from __future__ import annotations

from enum import IntEnum


class MHAMaskVariant(IntEnum):
    """Masks of attention; the numbers are the documented ones."""

    CAUSAL_MASK = 0
    NULL_MASK = 2
    CHUNKED_CAUSAL_MASK = 3
    SLIDING_WINDOW_CAUSAL_MASK = 4
    SLIDING_WINDOW_NONCAUSAL_MASK = 5
