"""Tests of `max.serve.answer_size`."""

from __future__ import annotations

import pytest

from max.serve.answer_size import BYTES_PER_SCORE, AnswerSize
from max.serve.errors import ApiError


def test_text_alone() -> None:
    size = AnswerSize(10, None)
    size.add(10, 1000)
    with pytest.raises(ApiError, match="--max-answer-bytes"):
        size.add(1, 0)


def test_log_probabilities_count_with_their_alternatives() -> None:
    size = AnswerSize(6 * BYTES_PER_SCORE, 2)
    size.add(0, 2)
    with pytest.raises(ApiError) as caught:
        size.add(0, 1)
    assert (caught.value.status, caught.value.body.code) == (400, "answer_too_large")
