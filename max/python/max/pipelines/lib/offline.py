"""Generation without a server: all requests of a list, in batches as large as the cache allows."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from max.pipelines.context import GenerationStatus, TextContext, TextGenerationOutput
from max.pipelines.lib.stream_decoder import StreamDecoder
from max.pipelines.modeling.types import RequestID, TextGenerationInputs, TextGenerationRequest

if TYPE_CHECKING:
    from max.pipelines.lib.text_generation import TextGenerationPipeline


def generate(
    pipeline: TextGenerationPipeline, requests: Sequence[TextGenerationRequest]
) -> list[TextGenerationOutput]:
    """See `TextGenerationPipeline.generate`."""

    async def make_contexts() -> list[TextContext]:
        return [await pipeline.tokenizer.new_context(request) for request in requests]

    contexts = asyncio.run(make_contexts())
    tokens: dict[RequestID, list[int]] = {ctx.request_id: [] for ctx in contexts}
    status: dict[RequestID, GenerationStatus] = {}
    for outputs in OfflineRun(pipeline, contexts):
        for request_id, output in outputs.items():
            tokens[request_id] += output.tokens
            status[request_id] = output.final_status
    return [
        TextGenerationOutput(ctx.request_id, tokens[ctx.request_id], status[ctx.request_id])
        for ctx in contexts
    ]


@dataclass
class OfflineRun:
    """An iterator over the steps that answer some requests.

    A request enters when the pages for all the tokens it may ever have are free beside those of
    the requests before it, so none needs to be preempted.

    Args:
        pipeline: runs the steps.
        contexts: the requests.
    """

    pipeline: TextGenerationPipeline
    contexts: Sequence[TextContext]
    _running: list[TextContext] = field(default_factory=list)

    def __iter__(self) -> Iterator[dict[RequestID, TextGenerationOutput]]:
        """Yields the outputs of each step; stop strings are found, pages released at the end."""
        waiting = deque(self.contexts)
        stops = {
            ctx.request_id: StreamDecoder(
                self.pipeline.tokenizer, stop=list(ctx.sampling_params.stop)
            )
            for ctx in self.contexts
            if ctx.sampling_params.stop
        }
        try:
            while waiting or self._running:
                while waiting and self._fits(waiting[0]):
                    self._running.append(waiting.popleft())
                    self.pipeline.kv_manager.claim(self._running[-1].request_id)
                yield self._step(stops)
        finally:
            for ctx in self._running:
                self.pipeline.release(ctx.request_id)

    def _fits(self, ctx: TextContext) -> bool:
        manager = self.pipeline.kv_manager
        promised = sum(manager.pages_for(c.max_length) for c in [*self._running, ctx])
        limit = self.pipeline.pipeline_config.runtime.max_batch_size
        room = limit is None or len(self._running) < limit
        return room and (promised <= manager.total_num_pages or not self._running)

    def _step(self, stops: dict[RequestID, StreamDecoder]) -> dict[RequestID, TextGenerationOutput]:
        budget = self.pipeline.pipeline_config.runtime.max_batch_input_tokens
        batch: list[TextContext] = []
        for ctx in self._running:
            if budget > 0:
                ctx.tokens.chunk(budget)
                self.pipeline.kv_manager.alloc(ctx)
                budget -= ctx.tokens.active_length
                batch.append(ctx)
        outputs = self.pipeline.execute(TextGenerationInputs(batches=[batch]))
        for request_id, decoder in stops.items():
            output = outputs.get(request_id)
            if output is not None and output.tokens:
                decoder.push(output.tokens)
                if decoder.stopped is not None:
                    ended = GenerationStatus.END_OF_SEQUENCE
                    outputs[request_id] = replace(output, final_status=ended)
        for ctx in [c for c in batch if outputs[c.request_id].is_done]:
            self.pipeline.release(ctx.request_id)
            self._running.remove(ctx)
        return outputs
