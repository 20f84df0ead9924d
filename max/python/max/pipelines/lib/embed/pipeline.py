"""The embeddings pipeline: one step for a batch, from contexts to vectors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from max.pipelines.config import PipelineConfig
from max.pipelines.context import GenerationStatus, TextContext, TextGenerationOutput
from max.pipelines.kv_cache import MemoryPlan, PagedKVCacheManager
from max.pipelines.lib.embed.pooling import Pooling, pool
from max.pipelines.lib.embed.sentence_settings import SentenceSettings
from max.pipelines.lib.embed.tokenizer import SentenceTokenizer
from max.pipelines.lib.interfaces import PipelineModelWithKVCache
from max.pipelines.lib.offline import OfflineEngine
from max.pipelines.modeling.errors import ModelSourceError
from max.pipelines.modeling.types import Pipeline, RequestID, TextGenerationInputs
from max.pipelines.scheduling import SchedulerConfig


class EmbeddingsPipeline(Pipeline[TextGenerationInputs[TextContext], TextGenerationOutput]):
    """Computes prompts as any pipeline does; a request's last step gives its vector, no token.

    Args:
        pipeline_config: all settings.
        pipeline_model: gives the vector of each row, as its only output.
        kv_manager: the cache.
        tokenizer: the model's; only `encode` needs it.
        plan: what the memory was divided into.

    Raises:
        ModelSourceError: if prompts are computed in parts, and the checkpoint's pooling needs them
            whole.
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
        self.settings = SentenceSettings.of(pipeline_config.model.resolved_model_path)
        self.in_parts = pipeline_config.runtime.enable_chunked_prefill
        usual = Pooling.LAST_TOKEN if self.in_parts else Pooling.MEAN
        self.pooling = self.settings.pooling or usual
        if self.in_parts and self.pooling.needs_whole_text:
            raise ModelSourceError(
                f"the checkpoint pools by {self.pooling}; this model is a decoder, of which "
                f"{Pooling.LAST_TOKEN} is supported: --no-enable-chunked-prefill with "
                "--no-enable-prefix-caching computes texts whole"
            )

    def execute(
        self, inputs: TextGenerationInputs[TextContext]
    ) -> dict[RequestID, TextGenerationOutput]:
        """Runs one step; see `Pipeline.execute`. Requests that reach their end are done."""
        batch = inputs.flat_batch
        cache = self.kv_manager.runtime_inputs(inputs.batches)
        model_inputs = self.pipeline_model.prepare_initial_token_inputs(inputs.batches, cache, 1)
        rows = self.pipeline_model.execute(model_inputs).logits.tensor
        vectors = pool(rows, [ctx.tokens.active_length for ctx in batch], self.pooling)
        if self.settings.is_normalized:
            vectors = torch.nn.functional.normalize(vectors)
        found = vectors.numpy()
        outputs = {}
        for ctx, vector in zip(batch, found, strict=True):
            is_last = ctx.tokens.is_complete_after_step
            ctx.tokens.advance()
            if is_last:
                ctx.status = GenerationStatus.END_OF_SEQUENCE
            outputs[ctx.request_id] = TextGenerationOutput(
                ctx.request_id, [], ctx.status, embedding=vector if is_last else None
            )
        self.kv_manager.step([batch])
        return outputs

    def release(self, request_id: RequestID) -> None:
        """See `Pipeline.release`."""
        if self.kv_manager.contains(request_id):
            self.kv_manager.release(request_id)

    def encode(self, texts: Sequence[str | Sequence[int]]) -> NDArray[np.float32]:
        """The vectors of texts, or of their token ids, offline: [texts, width].

        Raises:
            InputError: if a text does not fit.
        """
        tokenizer: SentenceTokenizer = self.tokenizer
        limit = self.pipeline_model.max_seq_len

        async def make() -> list[TextContext]:
            return [await tokenizer.embedding_context(text, limit) for text in texts]

        contexts = asyncio.run(make())
        vectors = {
            request_id: output.embedding
            for step in self._offline.answer(contexts, self.execute)
            for request_id, output in step.items()
            if output.embedding is not None
        }
        return np.stack([vectors[ctx.request_id] for ctx in contexts])

    @cached_property
    def _offline(self) -> OfflineEngine:
        limits = SchedulerConfig.of(self.pipeline_config.runtime, self.plan)
        return OfflineEngine(limits, self.kv_manager, self.tokenizer)
