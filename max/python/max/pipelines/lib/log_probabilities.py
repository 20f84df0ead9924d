"""From a step's logits to the log probabilities of the tokens that follow its rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import torch

from max.driver.buffer import moved
from max.pipelines.context import NO_SCORES, LogProbabilities, StepScores, TextContext
from max.pipelines.sampling.log_probabilities import LateLogProbabilities, log_probabilities

if TYPE_CHECKING:
    from max.driver import Buffer
    from max.pipelines.lib.interfaces.model_io import ModelInputs, ModelOutputs


class LogProbabilitiesMixin:
    """Marks a model that gives log probabilities.

    Every `PipelineModel` does, so it adds nothing; packages that name it work.
    """


class StepLogProbabilities(Sequence[LogProbabilities | None]):
    """For each request of a step those that it wants; reading an entry waits until they are there.

    Args:
        found: of all requests, one after the other.
        counts: how many each one's are; 0 for a request that wants none.
    """

    def __init__(self, found: LateLogProbabilities | None, counts: Sequence[int]) -> None:
        self._late, self._counts = found, counts

    def __len__(self) -> int:
        """The number of requests."""
        return len(self._counts)

    @overload
    def __getitem__(self, index: int) -> LogProbabilities | None: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[LogProbabilities | None]: ...
    def __getitem__(self, index: int | slice) -> Any:
        """A request's, or those of some."""
        return self._found[index]

    @cached_property
    def _found(self) -> list[LogProbabilities | None]:
        if self._late is None:
            return [None] * len(self._counts)
        found, ends = self._late.known(), accumulate(self._counts)
        return [
            found.part(end - count, end) if count else None
            for count, end in zip(self._counts, ends, strict=True)
        ]


def compute_log_probabilities(
    model_inputs: ModelInputs,
    model_outputs: ModelOutputs,
    next_tokens: Buffer,
    batch_top_n: Sequence[int | None],
    batch_echo: Sequence[bool],
) -> StepLogProbabilities:
    """See `PipelineModel.compute_log_probabilities`.

    On an accelerator the host waits for nothing, unless the graph gives logits of prompts.
    """
    logits, offsets = model_outputs.logits.tensor, model_outputs.logit_offsets
    starts = range(len(batch_top_n) + 1) if offsets is None else offsets.tensor.tolist()
    rows: list[int] = []
    tokens: list[int] = []
    numbers: list[int] = []
    counts: list[int] = []
    lasts: list[tuple[int, int]] = []
    for request, (top_n, echo) in enumerate(zip(batch_top_n, batch_echo, strict=True)):
        end = starts[request + 1]
        wanted = range(starts[request] if echo else end - 1, end) if top_n is not None else range(0)
        rows += wanted
        if wanted:
            tokens += [*_last_inputs(model_inputs, request, len(wanted) - 1), 0]
            lasts.append((len(tokens) - 1, request))
        numbers += [top_n or 0] * len(wanted)
        counts.append(len(wanted))
    if not rows:
        return StepLogProbabilities(None, counts)
    places, requests = moved(torch.tensor(lasts), logits.device).unbind(1)
    follow = moved(torch.tensor(tokens), logits.device)
    follow = follow.index_copy(0, places, next_tokens.tensor.to(follow.device)[requests])
    return StepLogProbabilities(log_probabilities(logits, rows, follow, numbers), counts)


class ScoreShares(NamedTuple):
    """What a request's log probabilities of a step are of, decided before the step.

    Attributes:
        is_wanted: whether it gets any.
        prompt: which of them are the prompt's, if it wants those.
        has_token: whether the last is the new token's.
    """

    is_wanted: bool = False
    prompt: slice | None = None
    has_token: bool = False

    @classmethod
    def take(cls, ctx: TextContext) -> ScoreShares:
        """Those of a request, before its step; counts those of the prompt as returned."""
        has_token = ctx.tokens.is_complete_after_step
        if ctx.log_probabilities is None or not (has_token or ctx.wants_prompt_scores):
            return NO_SHARES
        if not ctx.wants_prompt_scores:
            return cls(True, None, has_token)
        # Entry i of the prompt's is of token i + 1; the step's first is entry `first`.
        first = ctx.tokens.processed_length
        begin = ctx.prompt_tokens_scored - first
        assert begin >= 0, "a request is not let past tokens whose logits it wants"
        end = min(ctx.tokens.active_length, ctx.tokens.prompt_length - 1 - first)
        ctx.prompt_tokens_scored += end - begin
        return cls(True, slice(begin, end), has_token)

    def of(self, scores: LogProbabilities | None) -> StepScores:
        """Shares out what was found."""
        if scores is None:
            return NO_SCORES
        token = scores.part(len(scores) - 1, len(scores)) if self.has_token else None
        prompt = scores.part(self.prompt.start, self.prompt.stop) if self.prompt else None
        return StepScores(prompt or None, token)


NO_SHARES = ScoreShares()


class ScoredStep(NamedTuple):
    """A step of which some requests want log probabilities, as it stands before.

    Attributes:
        shares: of each request.
        top_n: see `PipelineModel.compute_log_probabilities`.
        follow: the token after each request's active ones; of new ones, which none knows, 0.
    """

    shares: list[ScoreShares]
    top_n: list[int | None]
    follow: list[int]

    @classmethod
    def take(cls, batch: Sequence[TextContext]) -> ScoredStep | None:
        """That of a batch, see `ScoreShares.take`; None if no request wants any."""
        if all(ctx.log_probabilities is None for ctx in batch):
            return None
        shares = [ScoreShares.take(ctx) for ctx in batch]
        pairs = list(zip(batch, shares, strict=True))
        return cls(
            shares,
            [ctx.log_probabilities if share.is_wanted else None for ctx, share in pairs],
            [_next_prompt_token(ctx) if share.is_wanted else 0 for ctx, share in pairs],
        )

    def of(self, found: Sequence[LogProbabilities | None]) -> list[StepScores]:
        """Shares out what was found; waits until it is there."""
        return [share.of(scores) for share, scores in zip(self.shares, found, strict=True)]


def _next_prompt_token(ctx: TextContext) -> int:
    end = ctx.tokens.processed_length + ctx.tokens.active_length
    return int(ctx.tokens.all[end]) if end < len(ctx.tokens) else 0


def _last_inputs(model_inputs: Any, request: int, count: int) -> list[int]:
    """The last input tokens of a request, which its logits but for the last row predict."""
    if not count:
        return []
    end = int(model_inputs.input_row_offsets.tensor[request + 1])
    tokens: list[int] = model_inputs.tokens.tensor[end - count : end].tolist()
    return tokens
