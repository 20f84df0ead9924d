"""Tests of `max.serve.json_values`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from max.serve import json_values
from max.serve.json_values import CONTAINER_WEIGHT, KEY_WEIGHT, has_at_most

JSON = st.recursive(
    st.none() | st.integers(0, 9) | st.text(st.sampled_from('a",\\[{:é'), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
)


def weight_of(value: Any) -> int:
    """By walking through it: a comma separates two values, a container has a weight."""
    if not isinstance(value, list | dict):
        return 0
    values = list(value.values()) if isinstance(value, dict) else value
    keys = KEY_WEIGHT * len(value) if isinstance(value, dict) else 0
    return CONTAINER_WEIGHT + keys + max(0, len(values) - 1) + sum(map(weight_of, values))


@given(JSON, st.integers(1, 9))
def test_values_are_counted_outside_of_strings(value: Any, piece: int) -> None:
    text = json.dumps([value] * 20, ensure_ascii=False).encode()
    weight = 1 + weight_of([value] * 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_values, "_PIECE", piece)
        patch.setattr(json_values, "_MOST_PER_3_BYTES", 1 << 30)

        assert has_at_most(text, weight)
        assert not has_at_most(text, weight - 1)


def test_short_texts_need_not_be_counted() -> None:
    assert has_at_most(b"{},{},{}", 8 * 6)
    assert not has_at_most(b"{},{},{}", 40)
