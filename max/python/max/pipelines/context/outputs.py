"""What a step gives a request."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class TextGenerationOutput:
    """The tokens that a request got.

    Attributes:
        request_id: The request.
        tokens: New tokens, oldest first; empty while the prompt is still being processed.
        final_status: The request's state after these tokens.
        log_probabilities: One entry of one position per token, when they were asked for.
        prompt_log_probabilities: Of the next prompt tokens, when they were asked for. All of a
            request's together are of its prompt but for the first token, which follows nothing.
    """

    request_id: RequestID
    tokens: list[int]
    final_status: GenerationStatus
    log_probabilities: list[LogProbabilities] | None = None
    prompt_log_probabilities: LogProbabilities | None = None

    @property
    def is_done(self) -> bool:
        """Whether these are the last tokens."""
        return self.final_status.is_done

    @property
    def text_tokens(self) -> list[int]:
        """The tokens that are shown as text: all but the one that ended the sequence."""
        if self.final_status is GenerationStatus.END_OF_SEQUENCE:
            return self.tokens[:-1]
        return self.tokens
