"""What a step gives a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from max.pipelines.context.status import GenerationStatus
from max.pipelines.modeling.request_id import RequestID


@dataclass(frozen=True)
class LogProbabilities:
    """Log probabilities at consecutive positions.

    Attributes:
        token_log_probabilities: Of the tokens that stand there.
        top_log_probabilities: Of the best tokens, best first: token id to log probability.
    """

    token_log_probabilities: list[float]
    top_log_probabilities: list[dict[int, float]]

    def __len__(self) -> int:
        """The number of positions."""
        return len(self.token_log_probabilities)

    def part(self, start: int, end: int) -> LogProbabilities:
        """Those of the positions from `start` to before `end`."""
        return LogProbabilities(
            self.token_log_probabilities[start:end], self.top_log_probabilities[start:end]
        )

    @classmethod
    def joined(cls, runs: Sequence[LogProbabilities]) -> LogProbabilities:
        """Those of consecutive runs of positions as one run."""
        return cls(
            [score for run in runs for score in run.token_log_probabilities],
            [best for run in runs for best in run.top_log_probabilities],
        )


class StepScores(NamedTuple):
    """What a step's log probabilities are of: further prompt tokens, and the new token."""

    prompt: LogProbabilities | None = None
    token: LogProbabilities | None = None


NO_SCORES = StepScores()


class TextGenerationOutput(msgspec.Struct, frozen=True):
    """The tokens that a request got.

    Attributes:
        request_id: The request.
        tokens: New tokens, oldest first; empty while the prompt is still being processed.
        final_status: The request's state after these tokens.
        log_probabilities: One entry of one position per token, when they were asked for.
        prompt_log_probabilities: Of the next prompt tokens, when they were asked for. All of a
            request's together are of its prompt but for the first token, which follows nothing.
        embedding: float32 [width], the text's vector: the end of a request for one.
    """

    request_id: RequestID
    tokens: list[int]
    final_status: GenerationStatus
    log_probabilities: list[LogProbabilities] | None = None
    prompt_log_probabilities: LogProbabilities | None = None
    embedding: NDArray[np.float32] | None = None

    @property
    def is_done(self) -> bool:
        """Whether these are the last tokens."""
        return self.final_status.is_done

    @classmethod
    def joined(cls, outputs: Sequence[TextGenerationOutput]) -> TextGenerationOutput:
        """A request's outputs, at least one, in their order, as one."""
        prompt = [scores for output in outputs if (scores := output.prompt_log_probabilities)]
        return cls(
            outputs[-1].request_id,
            [token for output in outputs for token in output.tokens],
            outputs[-1].final_status,
            [scores for output in outputs for scores in output.log_probabilities or ()] or None,
            LogProbabilities.joined(prompt) if prompt else None,
            outputs[-1].embedding,
        )
