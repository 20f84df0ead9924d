"""Generation without a server: the scheduler and a loop around it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from msgspec import structs

from max.pipelines.context import GenerationStatus, TextContext, TextGenerationOutput
from max.pipelines.lib.stream_decoder import StreamDecoder
from max.pipelines.modeling.types import (
    PipelineTokenizer,
    RequestID,
    TextGenerationInputs,
    TextGenerationRequest,
)
from max.pipelines.scheduling import AdapterSlots, Batch, PageSource, Scheduler, SchedulerConfig

if TYPE_CHECKING:
    from max.pipelines.lib.stream_decoder import DecodesAfterText

T = TypeVar("T")

Outputs: TypeAlias = dict[RequestID, TextGenerationOutput]
Execute: TypeAlias = Callable[[TextGenerationInputs[TextContext]], Outputs]


def make_contexts(
    tokenizer: PipelineTokenizer[TextContext, TextGenerationRequest],
    requests: Sequence[TextGenerationRequest],
) -> list[TextContext]:
    """The contexts of requests; also where an event loop runs already, as in a notebook.

    Raises:
        InputError: if a request cannot be served as given.
    """

    async def make() -> list[TextContext]:
        return [await tokenizer.new_context(request) for request in requests]

    return _result_of(make())


class OfflineEngine:
    """Answers the requests of one process, in batches as a server would.

    Several `answer`s may run at once, such as generators that are read in turn: they share batches,
    pages and prefixes. Whoever finds no output of its own waiting runs the next step for all. One
    thread uses it.

    Args:
        config: limits of a step.
        kv_manager: where the pages come from.
        tokenizer: gives the text in which stop strings are looked for.
        adapters: where the slots of adapters come from; None for a model that takes none.
    """

    def __init__(
        self,
        config: SchedulerConfig,
        kv_manager: PageSource,
        tokenizer: DecodesAfterText,
        adapters: AdapterSlots | None = None,
    ) -> None:
        self._config = config
        self._scheduler = Scheduler(config, kv_manager, adapters)
        self._tokenizer = tokenizer
        self._outputs: dict[RequestID, list[TextGenerationOutput]] = {}
        self._errors: dict[RequestID, BaseException] = {}
        self._decoders: dict[RequestID, StreamDecoder] = {}

    def answer(
        self, contexts: Sequence[TextContext], execute: Execute
    ) -> Generator[Outputs, None, None]:
        """Runs steps until these requests are done; gives what they got, as it comes.

        Their pages are given back at the end, also when the iteration is left early.

        Args:
            contexts: the requests.
            execute: runs a step.

        Raises:
            InputError: a request could not run to its end even alone; none has begun then.
            Exception: what `execute` raised; the requests of that step are given up.
        """
        unfinished: set[RequestID] = set()
        try:
            for context in contexts:
                self._add(context)
                unfinished.add(context.request_id)
            while unfinished:
                while not (outputs := self._take(unfinished)):
                    self._step(execute)
                for request_id, output in outputs.items():
                    if output.is_done:
                        self._forget(request_id)
                        unfinished.remove(request_id)
                yield outputs
        finally:
            for request_id in unfinished:
                self._forget(request_id)

    def _add(self, context: TextContext) -> None:
        limit = self._config.max_seq_len
        params = context.sampling_params
        if limit and params.max_new_tokens is None and context.tokens.prompt_length < limit:
            context.max_length = min(context.max_length, limit)
        self._scheduler.add(context)
        self._outputs[context.request_id] = []
        if params.stop:
            self._decoders[context.request_id] = StreamDecoder.of(self._tokenizer, params)

    def _take(self, request_ids: Collection[RequestID]) -> Outputs:
        """What is waiting for these requests, each one's outputs as one."""
        for request_id in request_ids:
            if request_id in self._errors:
                raise self._errors[request_id]
        taken = {}
        for request_id in request_ids:
            if outputs := self._outputs[request_id]:
                taken[request_id] = TextGenerationOutput.joined(outputs)
                outputs.clear()
        return taken

    def _step(self, execute: Execute) -> None:
        batch = self._scheduler.schedule()
        assert batch is not None, "somebody waits for a request"
        try:
            outputs = execute(TextGenerationInputs(batches=[batch.contexts]))
            self._scheduler.finish_step(batch, outputs)
        except BaseException as error:
            self._give_up(batch, error)
            raise
        for request_id, output in outputs.items():
            self._outputs[request_id].append(self._stopped(output))

    def _give_up(self, batch: Batch, error: BaseException) -> None:
        for context in batch.contexts:
            self._scheduler.cancel(context.request_id)
            self._errors[context.request_id] = error

    def _stopped(self, output: TextGenerationOutput) -> TextGenerationOutput:
        """The output; the request's last one when a stop string is complete."""
        decoder = self._decoders.get(output.request_id)
        if decoder is None:
            return output
        decoder.push(output.tokens)
        if decoder.stopped is None:
            return output
        self._scheduler.cancel(output.request_id)
        return structs.replace(output, final_status=GenerationStatus.END_OF_SEQUENCE)

    def _forget(self, request_id: RequestID) -> None:
        self._scheduler.cancel(request_id)
        self._outputs.pop(request_id, None)
        self._errors.pop(request_id, None)
        self._decoders.pop(request_id, None)


def _result_of(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end, in another thread where this one's event loop is running."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(1, thread_name_prefix="offline") as thread:
        return thread.submit(asyncio.run, coroutine).result()
