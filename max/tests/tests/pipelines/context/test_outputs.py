"""A result knows whether it is the last."""

from __future__ import annotations

import pytest

from max.pipelines.context import GenerationStatus, LogProbabilities, TextGenerationOutput
from max.pipelines.modeling.types import RequestID


@pytest.mark.parametrize(
    ("status", "is_done"),
    [
        (GenerationStatus.ACTIVE, False),
        (GenerationStatus.END_OF_SEQUENCE, True),
        (GenerationStatus.MAXIMUM_LENGTH, True),
        (GenerationStatus.CANCELLED, True),
    ],
)
def test_output(status: GenerationStatus, is_done: bool) -> None:
    assert TextGenerationOutput(RequestID("r"), [5, 6], status).is_done is is_done


def make_scores(*scores: float) -> LogProbabilities:
    return LogProbabilities(list(scores), [{int(-score): score} for score in scores])


def test_outputs_of_a_request_as_one() -> None:
    name, active = RequestID("r"), GenerationStatus.ACTIVE
    first = TextGenerationOutput(name, [], active, None, make_scores(-1.0))
    second = TextGenerationOutput(name, [5], active, [make_scores(-3.0)], make_scores(-2.0))
    third = TextGenerationOutput(name, [6], GenerationStatus.MAXIMUM_LENGTH, [make_scores(-4.0)])

    assert TextGenerationOutput.joined([first, second, third]) == TextGenerationOutput(
        name,
        [5, 6],
        GenerationStatus.MAXIMUM_LENGTH,
        [make_scores(-3.0), make_scores(-4.0)],
        make_scores(-1.0, -2.0),
    )


def test_outputs_without_log_probabilities_have_none_together() -> None:
    output = TextGenerationOutput(RequestID("r"), [5], GenerationStatus.ACTIVE)
    whole = TextGenerationOutput.joined([output, output])
    assert (whole.log_probabilities, whole.prompt_log_probabilities) == (None, None)


def test_part_of_log_probabilities() -> None:
    scores = make_scores(-1.0, -2.0, -3.0)
    assert (len(scores), scores.part(1, 3)) == (3, make_scores(-2.0, -3.0))
    assert len(scores.part(3, 3)) == 0
