"""Generation without a server: all requests of a list, in batches as large as the cache allows."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
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
    outputs: dict[RequestID, list[TextGenerationOutput]] = {ctx.request_id: [] for ctx in contexts}
    for step in OfflineRun(pipeline, contexts):
        for request_id, output in step.items():
            outputs[request_id].append(output)
    return [TextGenerationOutput.joined(outputs[ctx.request_id]) for ctx in contexts]


class OfflineRun:
    """An iterator over the steps that answer some requests; each step gives its outputs.

    A request enters when the pages for all the tokens it may ever have are free beside those of
    the requests before it, so none needs to be preempted. Pages are released at the end, also when
    the iteration is left early.

    Args:
        pipeline: runs the steps.
        contexts: the requests.
    """

    def __init__(self, pipeline: TextGenerationPipeline, contexts: Sequence[TextContext]) -> None:
        self._pipeline = pipeline
        self._manager = pipeline.kv_manager
        self._runtime = pipeline.pipeline_config.runtime
        self._waiting = deque(contexts)
        self._running: list[TextContext] = []
        self._stops = {
            ctx.request_id: StreamDecoder(pipeline.tokenizer, stop=ctx.sampling_params.stop)
            for ctx in contexts
            if ctx.sampling_params.stop
        }

    def __iter__(self) -> Iterator[dict[RequestID, TextGenerationOutput]]:
        """Runs until every request is done."""
        try:
            while self._waiting or self._running:
                while self._waiting and self._fits(self._waiting[0]):
                    self._running.append(self._waiting.popleft())
                    self._manager.claim(self._running[-1].request_id)
                yield self._step()
        finally:
            for ctx in self._running:
                self._pipeline.release(ctx.request_id)

    def _fits(self, ctx: TextContext) -> bool:
        if not self._running:
            return True
        promised = sum(self._manager.pages_for(c.max_length) for c in [*self._running, ctx])
        limit = self._runtime.max_batch_size
        room = limit is None or len(self._running) < limit
        return room and promised <= self._manager.total_num_pages

    def _step(self) -> dict[RequestID, TextGenerationOutput]:
        budget = self._runtime.step_tokens
        batch: list[TextContext] = []
        for ctx in self._running:
            if budget > 0:
                ctx.tokens.chunk(budget)
                self._manager.alloc(ctx)
                budget -= ctx.tokens.active_length
                batch.append(ctx)
        outputs = self._pipeline.execute(TextGenerationInputs(batches=[batch]))
        outputs = {id: self._stopped(output) for id, output in outputs.items()}
        for ctx in [c for c in batch if outputs[c.request_id].is_done]:
            self._pipeline.release(ctx.request_id)
            self._running.remove(ctx)
        return outputs

    def _stopped(self, output: TextGenerationOutput) -> TextGenerationOutput:
        """The output; marked as the last one when a stop string is complete."""
        decoder = self._stops.get(output.request_id)
        if decoder is None:
            return output
        decoder.push(output.tokens)
        ended = GenerationStatus.END_OF_SEQUENCE
        return output if decoder.stopped is None else replace(output, final_status=ended)
