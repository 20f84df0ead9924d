"""The text generation pipeline: one step for a batch, from contexts to tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from max.driver import Buffer
from max.nn.transformer import ReturnLogits
from max.pipelines.config import PipelineConfig
from max.pipelines.context import TextContext, TextGenerationOutput
from max.pipelines.kv_cache import MemoryPlan, PagedKVCacheManager
from max.pipelines.lib.interfaces import ModelInputs, ModelOutputs, PipelineModelWithKVCache
from max.pipelines.lib.log_probabilities import NO_SCORES, StepScores, share_scores
from max.pipelines.lib.offline import OfflineEngine, make_contexts
from max.pipelines.modeling.types import (
    Pipeline,
    RequestID,
    TextGenerationInputs,
    TextGenerationRequest,
)
from max.pipelines.sampling import Sampler
from max.pipelines.scheduling import SchedulerConfig

if TYPE_CHECKING:
    import torch


class TextGenerationPipeline(Pipeline[TextGenerationInputs[TextContext], TextGenerationOutput]):
    """Runs steps of a decoder. It holds no state of a request but its pages in `kv_manager`.

    Args:
        pipeline_config: all settings.
        pipeline_model: runs the graph.
        kv_manager: the cache.
        tokenizer: the model's; only the offline methods need it.
        plan: what the memory was divided into.
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
        self.sampler = Sampler()

    def execute(
        self, inputs: TextGenerationInputs[TextContext]
    ) -> dict[RequestID, TextGenerationOutput]:
        """Runs one step and updates the contexts.

        Every request has its pages already (`kv_manager.alloc`). Those whose active tokens reach
        the end get a token; the others get an output without one.
        """
        model_inputs = self.prepare_batch(inputs.batches)
        outputs = self.pipeline_model.execute(model_inputs)
        return self.finish_batch(inputs.batches, model_inputs, outputs)

    def prepare_batch(self, batches: Sequence[Sequence[TextContext]]) -> ModelInputs:
        """The model's inputs for the active tokens of a batch."""
        kv_inputs = self.kv_manager.runtime_inputs(batches)
        return self.pipeline_model.prepare_initial_token_inputs(
            batches, kv_inputs, self._logits_wanted([ctx for replica in batches for ctx in replica])
        )

    def finish_batch(
        self,
        batches: Sequence[Sequence[TextContext]],
        model_inputs: ModelInputs,
        outputs: ModelOutputs,
    ) -> dict[RequestID, TextGenerationOutput]:
        """Samples, and counts the active tokens as processed."""
        logits = outputs.next_token_logits
        if logits is None:
            logits = outputs.logits
        batch = [ctx for replica in batches for ctx in replica]
        tokens = self._sample(logits.tensor, batch)
        scores = self._score(model_inputs, outputs, batch, tokens)
        for ctx in batch:
            ctx.tokens.advance()
            if ctx.request_id in tokens:
                ctx.update(tokens[ctx.request_id])
        self.kv_manager.step(batches)
        return {
            ctx.request_id: TextGenerationOutput(
                request_id=ctx.request_id,
                tokens=[tokens[ctx.request_id]] if ctx.request_id in tokens else [],
                final_status=ctx.status,
                log_probabilities=[own.token] if own.token else None,
                prompt_log_probabilities=own.prompt,
            )
            for ctx, own in zip(batch, scores, strict=True)
        }

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
        return self._offline.answer(contexts, self.execute)

    @cached_property
    def _offline(self) -> OfflineEngine:
        limits = SchedulerConfig.of(self.pipeline_config.runtime, self.plan)
        return OfflineEngine(limits, self.kv_manager, self.tokenizer)

    def _sample(self, logits: torch.Tensor, batch: list[TextContext]) -> dict[RequestID, int]:
        """The next token of each request whose active tokens reach the end."""
        rows = [i for i, ctx in enumerate(batch) if ctx.tokens.is_complete_after_step]
        complete = [batch[i] for i in rows]
        if not complete:
            return {}
        picked = logits if len(rows) == len(batch) else logits[rows]
        sampled = self.sampler.sample(picked, complete)
        return {ctx.request_id: token for ctx, token in zip(complete, sampled, strict=True)}

    def _logits_wanted(self, batch: list[TextContext]) -> int | list[int]:
        """How many of each request's last active tokens need logits: usually the last one.

        Raises:
            ValueError: if a request wants log probabilities of its prompt and the graph gives none.
        """
        if not any(ctx.wants_prompt_scores for ctx in batch):
            return 1
        if self.pipeline_model.return_logits is ReturnLogits.LAST_TOKEN:
            raise ValueError(
                "log probabilities of the prompt were asked for, but the model was compiled to "
                "give the last token's logits only; --enable-echo lets it give those of the prompt"
            )
        return [ctx.tokens.active_length if ctx.wants_prompt_scores else 1 for ctx in batch]

    def _score(
        self,
        model_inputs: ModelInputs,
        outputs: ModelOutputs,
        batch: list[TextContext],
        tokens: dict[RequestID, int],
    ) -> list[StepScores]:
        """The log probabilities that requests of the batch asked for; nothing else costs time."""
        if all(ctx.log_probabilities is None for ctx in batch):
            return [NO_SCORES] * len(batch)
        echo = [ctx.wants_prompt_scores for ctx in batch]
        wanted = [
            ctx.log_probabilities if ctx.request_id in tokens or more else None
            for ctx, more in zip(batch, echo, strict=True)
        ]
        found = self.pipeline_model.compute_log_probabilities(
            self.pipeline_model.session,
            model_inputs,
            outputs,
            Buffer.from_numpy(np.array([_next_token(ctx, tokens) for ctx in batch])),
            wanted,
            echo,
        )
        return [share_scores(ctx, scores) for ctx, scores in zip(batch, found, strict=True)]


def _next_token(ctx: TextContext, tokens: dict[RequestID, int]) -> int:
    """The token after the active ones: the sampled one, or the prompt's next."""
    end = ctx.tokens.processed_length + ctx.tokens.active_length
    return tokens[ctx.request_id] if ctx.request_id in tokens else int(ctx.tokens.all[end])
