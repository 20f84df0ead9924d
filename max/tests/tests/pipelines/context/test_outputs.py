"""A result knows whether it is the last and what of it is text."""

from __future__ import annotations

import pytest

from max.pipelines.context import GenerationStatus, TextGenerationOutput
from max.pipelines.modeling.types import RequestID


@pytest.mark.parametrize(
    ("status", "is_done", "text_tokens"),
    [
        (GenerationStatus.ACTIVE, False, [5, 6]),
        (GenerationStatus.END_OF_SEQUENCE, True, [5]),
        (GenerationStatus.MAXIMUM_LENGTH, True, [5, 6]),
        (GenerationStatus.CANCELLED, True, [5, 6]),
    ],
)
def test_output(status: GenerationStatus, is_done: bool, text_tokens: list[int]) -> None:
    output = TextGenerationOutput(RequestID("r"), [5, 6], status)
    assert output.is_done is is_done
    assert output.text_tokens == text_tokens
