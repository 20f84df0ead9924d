"""Masks, and the documented spelling of them."""

from __future__ import annotations

import pytest

from max.nn import Mask, MHAMaskVariant


@pytest.mark.parametrize(
    ("variant", "size", "mask"),
    [
        (MHAMaskVariant.CAUSAL_MASK, None, Mask()),
        # A size that the kind does not have says nothing.
        (MHAMaskVariant.CAUSAL_MASK, 7, Mask()),
        (MHAMaskVariant.NULL_MASK, -1, Mask(causal=False)),
        (MHAMaskVariant.CHUNKED_CAUSAL_MASK, 7, Mask(chunk=7)),
        (MHAMaskVariant.SLIDING_WINDOW_CAUSAL_MASK, 7, Mask(window=7)),
        (MHAMaskVariant.SLIDING_WINDOW_NONCAUSAL_MASK, 7, Mask(causal=False, window=7)),
    ],
)
def test_documented_spelling(variant: MHAMaskVariant, size: int | None, mask: Mask) -> None:
    assert Mask.of(variant, size) == mask


@pytest.mark.parametrize("size", [None, 0, -1])
def test_a_window_needs_a_size(size: int | None) -> None:
    with pytest.raises(ValueError, match=f"needs local_window_size, got {size}"):
        Mask.of(MHAMaskVariant.SLIDING_WINDOW_CAUSAL_MASK, size)
