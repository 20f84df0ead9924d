"""From a step's logits to the log probabilities of the tokens that follow its rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from max.pipelines.context import NO_SCORES, LogProbabilities, StepScores, TextContext
from max.pipelines.sampling.log_probabilities import log_probabilities

if TYPE_CHECKING:
    from max.driver import Buffer
    from max.pipelines.lib.interfaces.model_io import ModelInputs, ModelOutputs


class LogProbabilitiesMixin:
    """Marks a model that gives log probabilities.

    Every `PipelineModel` does, so it adds nothing; packages that name it work.
    """


def compute_log_probabilities(
    model_inputs: ModelInputs,
    model_outputs: ModelOutputs,
    next_tokens: Buffer,
    batch_top_n: Sequence[int | None],
    batch_echo: Sequence[bool],
) -> list[LogProbabilities | None]:
    """See `PipelineModel.compute_log_probabilities`."""
    follow: list[int] = next_tokens.tensor.tolist()
    offsets = model_outputs.logit_offsets
    starts = range(len(follow) + 1) if offsets is None else offsets.tensor.tolist()
    rows: list[int] = []
    tokens: list[int] = []
    numbers: list[int] = []
    counts: list[int] = []
    for request, (top_n, echo) in enumerate(zip(batch_top_n, batch_echo, strict=True)):
        end = starts[request + 1]
        wanted = range(starts[request] if echo else end - 1, end) if top_n is not None else range(0)
        rows += wanted
        if wanted:
            tokens += [*_last_inputs(model_inputs, request, len(wanted) - 1), follow[request]]
        numbers += [top_n or 0] * len(wanted)
        counts.append(len(wanted))
    found = log_probabilities(model_outputs.logits.tensor, rows, tokens, numbers)
    ends = list(accumulate(counts))
    return [
        found.part(end - count, end) if count else None
        for count, end in zip(counts, ends, strict=True)
    ]


def share_scores(ctx: TextContext, scores: LogProbabilities | None) -> StepScores:
    """Shares out a request's log probabilities, and counts those of the prompt as returned.

    Called before the step's tokens are counted as processed.

    Args:
        ctx: the request.
        scores: of the tokens that follow its last active ones.
    """
    if scores is None:
        return NO_SCORES
    count = len(scores)
    token = scores.part(count - 1, count) if ctx.tokens.is_complete_after_step else None
    if not ctx.wants_prompt_scores:
        return StepScores(token=token)
    # Entry i of the prompt's is of token i + 1; the first of `scores` is entry `first`.
    first = ctx.tokens.processed_length + ctx.tokens.active_length - count
    begin = ctx.prompt_tokens_scored - first
    assert begin >= 0, "a request is not let past tokens whose logits it wants"
    prompt = scores.part(begin, ctx.tokens.prompt_length - 1 - first)
    ctx.prompt_tokens_scored += len(prompt)
    return StepScores(prompt if len(prompt) else None, token)


def _last_inputs(model_inputs: Any, request: int, count: int) -> list[int]:
    """The last input tokens of a request, which its logits but for the last row predict."""
    if not count:
        return []
    end = int(model_inputs.input_row_offsets.tensor[request + 1])
    tokens: list[int] = model_inputs.tokens.tensor[end - count : end].tolist()
    return tokens
