"""Numbers that the worker sends along with tokens; there is no message of their own per step."""

from __future__ import annotations

import msgspec


class BegunRequest(msgspec.Struct, frozen=True, array_like=True):
    """A request that waited until this step.

    Attributes:
        request_id: The engine's id of it.
        at: When its first step began, in `time.monotonic` seconds, which all processes share.
    """

    request_id: str
    at: float


class StepStats(msgspec.Struct, frozen=True, array_like=True):
    """One step of the model.

    Attributes:
        batch_size: Requests in it.
        input_tokens: Tokens that it computed, of prompts and of answers.
        prompt_tokens: Those of them that belong to prompts, or are computed again.
        context_tokens: Tokens of its requests that were in the KV cache before.
        output_tokens: Tokens that it generated.
        terminated: Requests that it finished.
        preempted: Requests that gave up their pages for it.
        creation_s: Seconds of choosing the batch.
        execution_s: Seconds of running the model and sampling.
        prefix_tokens_asked: Tokens of requests that looked for a cached prefix for this step.
        prefix_tokens_hit: Those of them that were found.
        begun: Requests whose first step it was.
        predicted_s: Seconds that it was made to take; None where its tokens alone were limited.
    """

    batch_size: int
    input_tokens: int
    prompt_tokens: int
    context_tokens: int
    output_tokens: int
    terminated: int
    preempted: int
    creation_s: float
    execution_s: float
    prefix_tokens_asked: int
    prefix_tokens_hit: int
    begun: list[BegunRequest]
    predicted_s: float | None = None


class EngineLoad(msgspec.Struct, frozen=True, array_like=True):
    """How full the worker is at this moment.

    Attributes:
        num_running: Requests that hold pages.
        num_queued: Requests that wait for their first step, or to go on after preemption.
        used_pages: KV pages that requests hold.
        total_pages: All KV pages.
    """

    num_running: int
    num_queued: int
    used_pages: int
    total_pages: int


class WorkerStats(msgspec.Struct, frozen=True, array_like=True):
    """What happened since the last report; steps without new tokens wait for the next one.

    Attributes:
        steps: The steps.
        load: How full the worker is after them.
        expert_tokens: By layer, the tokens that each expert has had since the worker started; of
            no layer in reports that do not tell them.
    """

    steps: list[StepStats]
    load: EngineLoad
    expert_tokens: dict[str, list[int]] = {}


NOTHING_RUNS = WorkerStats([], EngineLoad(0, 0, 0, 0))
