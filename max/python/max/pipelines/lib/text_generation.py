"""The text generation pipeline: one step for a batch, from contexts to tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from concurrent.futures import Executor
from functools import cached_property, partial
from typing import Any, NamedTuple

import torch

from max.driver import Buffer
from max.driver.buffer import moved
from max.nn.transformer import ReturnLogits
from max.pipelines.config import PipelineConfig
from max.pipelines.context import (
    NO_SCORES,
    LogProbabilities,
    StepScores,
    TextContext,
    TextGenerationOutput,
)
from max.pipelines.kv_cache import MemoryPlan, PagedKVCacheManager
from max.pipelines.lib.adapters import Adapters
from max.pipelines.lib.interfaces import ModelInputs, ModelOutputs, PipelineModelWithKVCache
from max.pipelines.lib.interfaces.batch_processor import RaggedModelInputs
from max.pipelines.lib.late_tokens import LateTokens
from max.pipelines.lib.log_probabilities import ScoredStep
from max.pipelines.lib.offline import OfflineEngine, make_contexts
from max.pipelines.lib.steady_batch import PreparedStep, SteadyBatch
from max.pipelines.lib.tokenizer.grammar_tokenizer import load_grammar_tokenizer
from max.pipelines.modeling.types import (
    Pipeline,
    RequestID,
    TextGenerationInputs,
    TextGenerationRequest,
)
from max.pipelines.sampling.chosen import Chosen, KnownTokens
from max.pipelines.sampling.grammars.compiled import Grammars
from max.pipelines.sampling.sampler import Sampler, SamplingBatch
from max.pipelines.scheduling import LaunchedStep, SchedulerConfig, StepResult


class TextGenerationPipeline(Pipeline[TextGenerationInputs[TextContext], TextGenerationOutput]):
    """Runs steps of a decoder. It holds no state of a request but its pages in `kv_manager`.

    Args:
        pipeline_config: all settings.
        pipeline_model: runs the graph.
        kv_manager: the cache.
        tokenizer: the model's; only the offline methods need it.
        plan: what the memory was divided into.

    Attributes:
        adapters: what the model takes of LoRA adapters; None without --enable-lora.
    """

    def __init__(
        self,
        pipeline_config: PipelineConfig,
        pipeline_model: PipelineModelWithKVCache,
        kv_manager: PagedKVCacheManager,
        tokenizer: Any = None,
        plan: MemoryPlan | None = None,
    ) -> None:
        self.pipeline_config = pipeline_config
        self.pipeline_model = pipeline_model
        self.kv_manager = kv_manager
        self.tokenizer = tokenizer
        self.plan = plan
        self.grammars = Grammars(
            partial(load_grammar_tokenizer, pipeline_config),
            pipeline_config.sampling.structured_output_backend,
        )
        on_device = any(not device.is_host for device in pipeline_model.devices)
        self.sampler = Sampler(self.grammars, on_device)
        self.adapters: Adapters | None = None
        self._has_states = kv_manager.has_states
        self._steady: SteadyBatch | None = None

    def execute(
        self, inputs: TextGenerationInputs[TextContext]
    ) -> dict[RequestID, TextGenerationOutput]:
        """Runs one step and updates the contexts.

        Every request has its pages already (`kv_manager.alloc`). Those whose active tokens reach
        the end get a token; the others get an output without one.
        """
        return self.collect(self.launch(inputs))

    def launch(
        self,
        inputs: TextGenerationInputs[TextContext],
        after: LaunchedStep | None = None,
        executor: Executor | None = None,
    ) -> LaunchedStep:
        """Starts a step; see `OverlapPipeline.launch`."""
        step = self._prepare(inputs, after, executor)
        batch, model_inputs, rows, sampled, sampling, scored = step
        late = None if after is None else LateTokens.of(batch, model_inputs, after)
        needs_collect = (
            sampling.needs_tokens
            or not isinstance(model_inputs, RaggedModelInputs)
            or self._has_states
        )

        # Not before the steps that were launched have run: they may use the same slots.
        writes = [] if self.adapters is None else self.adapters.pool.take_writes()

        def run() -> _StartedStep:
            if writes and self.adapters is not None:
                self.adapters.pool.write(writes)
            if late is not None:
                late.fill()
            outputs = self.pipeline_model.execute(model_inputs)
            given = None if late is None or after is None else after.given()
            chosen = self._choose(outputs, rows, len(batch), sampling, given)
            if scored is None:
                return _StartedStep(chosen, lambda: [NO_SCORES] * len(batch))
            found = self._score(model_inputs, outputs, scored, rows, chosen)
            return _StartedStep(chosen, lambda: scored.of(found))

        started = run if executor is None else executor.submit(run).result
        if executor is None or needs_collect:
            started = _known(started())
        for row in rows:
            batch[row].expect_token()
        return LaunchedStep(
            contexts=batch,
            processed=[ctx.tokens.launch() for ctx in batch],
            sampled=sampled,
            result=lambda: started().result(),
            given=lambda: started().chosen.tensor,
            needs_collect=needs_collect,
        )

    def collect(self, step: LaunchedStep) -> dict[RequestID, TextGenerationOutput]:
        """Waits for a step and updates its contexts; see `OverlapPipeline.collect`."""
        tokens, scores = step.result()
        outputs = {}
        computed = []
        for ctx, processed, own in zip(step.contexts, step.processed, scores, strict=True):
            if ctx.is_done:
                continue
            request_id = ctx.request_id
            index = step.sampled.get(request_id)
            new = [] if index is None else [tokens[index]]
            if new:
                ctx.fill(new[0])
            if ctx.tokens.processed_length:  # Else it was preempted meanwhile.
                ctx.tokens.collect(processed)
                computed.append(ctx)
            outputs[request_id] = TextGenerationOutput(
                request_id, new, ctx.status, [own.token] if own.token else None, own.prompt
            )
        self.kv_manager.step([computed])
        return outputs

    def _prepare(
        self,
        inputs: TextGenerationInputs[TextContext],
        after: LaunchedStep | None,
        executor: Executor | None,
    ) -> PreparedStep:
        """All that a step needs before the model runs."""
        batch = inputs.flat_batch
        moves = self.kv_manager.num_page_moves
        steady, self._steady = self._steady, None
        # Only where a step has run when the next one is prepared: its inputs are changed in place.
        is_alone = after is None and executor is None and not self._has_states
        if steady is not None and is_alone and (step := steady.next_step(batch, moves)) is not None:
            self._steady = steady
            return step
        model_inputs = self.prepare_batch(inputs.batches)
        rows = [row for row, ctx in enumerate(batch) if ctx.tokens.is_complete_after_step]
        for ctx in batch:
            if ctx.constraint is not None and ctx.follower is None:
                self.sampler.begin(ctx)
        sampled = {batch[row].request_id: index for index, row in enumerate(rows)}
        sampling = self.sampler.prepare([batch[row] for row in rows], after and after.sampled)
        scored = ScoredStep.take(batch)
        step = PreparedStep(batch, model_inputs, rows, sampled, sampling, scored)
        if is_alone:
            self._steady = SteadyBatch.of(step, moves)
        return step

    def prepare_batch(self, batches: Sequence[Sequence[TextContext]]) -> ModelInputs:
        """The model's inputs for the active tokens of a batch."""
        kv_inputs = self.kv_manager.runtime_inputs(batches)
        return self.pipeline_model.prepare_initial_token_inputs(
            batches, kv_inputs, self._logits_wanted([ctx for replica in batches for ctx in replica])
        )

    def release(self, request_id: RequestID) -> None:
        """Frees the request's pages. Always safe, also for an unknown request."""
        if self.kv_manager.contains(request_id):
            self.kv_manager.release(request_id)

    def generate(self, requests: Sequence[TextGenerationRequest]) -> list[TextGenerationOutput]:
        """Answers requests, offline; returns all tokens of each, in the requests' order.

        Raises:
            InputError: if a request does not fit.
        """
        contexts = make_contexts(self.tokenizer, requests)
        outputs: dict[RequestID, list[TextGenerationOutput]] = {c.request_id: [] for c in contexts}
        for step in self.answer(contexts):
            for request_id, output in step.items():
                outputs[request_id].append(output)
        return [TextGenerationOutput.joined(outputs[ctx.request_id]) for ctx in contexts]

    async def generate_async(
        self, request: TextGenerationRequest
    ) -> AsyncGenerator[TextGenerationOutput, None]:
        """Answers one request, offline, as its tokens come.

        Several at once share batches. A step holds the event loop up while it runs.
        """
        steps = self.answer([await self.tokenizer.new_context(request)])
        try:
            for outputs in steps:
                for output in outputs.values():
                    yield output
                await asyncio.sleep(0)
        finally:
            steps.close()

    def answer(
        self, contexts: Sequence[TextContext]
    ) -> Generator[dict[RequestID, TextGenerationOutput], None, None]:
        """Answers requests, offline, as their tokens come; see `OfflineEngine.answer`."""
        if self.adapters is not None:
            for context in contexts:
                self.adapters.assign(context)
        return self._offline.answer(contexts, self.execute)

    @cached_property
    def _offline(self) -> OfflineEngine:
        limits = SchedulerConfig.of(self.pipeline_config.runtime, self.plan)
        pool = None if self.adapters is None else self.adapters.pool
        return OfflineEngine(limits, self.kv_manager, self.tokenizer, pool)

    def _choose(
        self,
        outputs: ModelOutputs,
        rows: list[int],
        batch_size: int,
        sampling: SamplingBatch,
        late: torch.Tensor | None,
    ) -> Chosen:
        """The next token of each of these rows: the requests whose active tokens reach the end."""
        if not rows:
            return KnownTokens([])
        found = outputs.next_token_logits
        logits = (outputs.logits if found is None else found).tensor
        if len(rows) < batch_size:
            logits = logits.index_select(0, moved(torch.tensor(rows), logits.device))
        return self.sampler.choose(logits, sampling, late)

    def _logits_wanted(self, batch: list[TextContext]) -> int | list[int]:
        """How many of each request's last active tokens need logits: usually the last one.

        Raises:
            ValueError: if a request wants log probabilities of its prompt and the graph gives none.
        """
        scored = [ctx for ctx in batch if ctx.log_probabilities is not None]
        if not any(ctx.wants_prompt_scores for ctx in scored):
            return 1
        if self.pipeline_model.return_logits is ReturnLogits.LAST_TOKEN:
            raise ValueError(
                "log probabilities of the prompt were asked for, but the model was compiled to "
                "give the last token's logits only; --enable-echo lets it give those of the prompt"
            )
        return [ctx.tokens.active_length if ctx.wants_prompt_scores else 1 for ctx in batch]

    def count_experts(self) -> Mapping[str, Sequence[int]]:
        """Begins to count the rows of each expert; gives the counts by layer, which grow."""
        profiler = self.pipeline_model.session.profiler
        profiler.counts_experts = True
        return profiler.loads

    def _score(
        self,
        model_inputs: ModelInputs,
        outputs: ModelOutputs,
        scored: ScoredStep,
        rows: list[int],
        chosen: Chosen,
    ) -> Sequence[LogProbabilities | None]:
        """The log probabilities that requests of the batch asked for."""
        device = outputs.logits.tensor.device
        follow = moved(torch.tensor(scored.follow), device)
        if rows:
            there = moved(torch.tensor(rows), device)
            follow = follow.index_copy(0, there, chosen.tensor.to(device))
        return self.pipeline_model.compute_log_probabilities(
            self.pipeline_model.session,
            model_inputs,
            outputs,
            Buffer(follow),
            scored.top_n,
            [share.prompt is not None for share in scored.shares],
        )


class _StartedStep(NamedTuple):
    """What the model was started for; on an accelerator it still works."""

    chosen: Chosen
    scores: Callable[[], Sequence[StepScores]]

    def result(self) -> StepResult:
        """Waits for the tokens."""
        return StepResult(self.chosen.known(), self.scores())


def _known(started: _StartedStep) -> Callable[[], _StartedStep]:
    return lambda: started
