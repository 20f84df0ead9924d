"""Requests run as the model worker runs them, with the time of each step."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from max.pipelines.context import EOSTracker, SamplingParams, TextContext, TokenBuffer
from max.pipelines.scheduling import Scheduler, SchedulerConfig, run_steps

if TYPE_CHECKING:
    from max.pipelines.lib import TextGenerationPipeline

_GROUP = 16


class Step(NamedTuple):
    """One execution of the model.

    Attributes:
        seconds: what it took, scheduling and sampling included.
        input_tokens: tokens that it computed.
        output_tokens: tokens that it brought.
    """

    seconds: float
    input_tokens: int
    output_tokens: int


def run_requests(
    pipeline: TextGenerationPipeline,
    prompts: Sequence[Sequence[int]],
    new_tokens: int,
    after_step: Callable[[Step], object] = lambda step: None,
) -> list[Step]:
    """Answers prompts that arrive at once, greedily, with `new_tokens` tokens each.

    `after_step` is told of each step; what it takes is in no time.
    """
    limits = SchedulerConfig.of(pipeline.pipeline_config.runtime, pipeline.plan)
    scheduler = Scheduler(limits, pipeline.kv_manager)
    for prompt in prompts:
        scheduler.add(
            TextContext(
                tokens=TokenBuffer(prompt),
                max_length=len(prompt) + new_tokens,
                eos_tracker=EOSTracker(ignore_eos=True),
                sampling_params=SamplingParams(temperature=0.0, seed=0),
            )
        )
    steps = []
    started = time.perf_counter()
    for batch, outputs in run_steps(pipeline, scheduler):
        ended = time.perf_counter()
        brought = sum(len(output.tokens) for output in outputs.values())
        steps.append(Step(ended - started, batch.input_tokens, brought))
        after_step(steps[-1])
        started = time.perf_counter()
    return steps


def first_token_seconds(steps: Sequence[Step]) -> float:
    """From the arrival of the requests to the first token of any."""
    first = next(i for i, step in enumerate(steps) if step.output_tokens)
    return sum(step.seconds for step in steps[: first + 1])


def decode_seconds(steps: Sequence[Step], streams: int) -> float:
    """A step in which all streams decode and no prompt is computed.

    It is the median of the means of 16 steps each, as llama-bench's repetitions are means: what
    only some steps have to do (a new page, another program) counts, a neighbour's burst does not.
    """
    decoding = [s.seconds for s in steps if s.input_tokens == s.output_tokens == streams]
    groups = [decoding[i : i + _GROUP] for i in range(0, len(decoding), _GROUP)]
    whole = [group for group in groups if len(group) == _GROUP] or groups
    return statistics.median(statistics.mean(group) for group in whole)
