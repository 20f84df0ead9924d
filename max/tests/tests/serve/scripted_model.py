"""A model without weights for server tests: its tokens are bytes and its answers are scripted.

What the last words of a prompt say is what it does; see `REPLIES` and `ScriptedPipeline`.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from max.pipelines.config import PipelineConfig
from max.pipelines.context import (
    EOSTracker,
    InputError,
    LogProbabilities,
    PromptTooLongError,
    TextContext,
    TextGenerationOutput,
    TokenBuffer,
)
from max.pipelines.kv_cache import BlockManager, MemoryPlan
from max.pipelines.lib.tokenizer import PromptText
from max.pipelines.lib.tokenizer.anchored_decoder import AnchoredDecoder
from max.pipelines.modeling.types import (
    RequestID,
    TextGenerationInputs,
    TextGenerationRequest,
    TextGenerationRequestMessage,
)
from max.pipelines.scheduling import LaunchedStep, Scheduler, SchedulerConfig, StepResult
from max.serve.model_source import ModelParts, ModelSource

MODEL_NAME = "scripted/model"
PAGE_SIZE = 128
TOTAL_PAGES = 2048
# Long enough that "forever" lasts for many seconds.
MAX_LENGTH = PAGE_SIZE * TOTAL_PAGES // 2

GREETING = "Hello, world! Grüße, 世界 😀. Bye."
REPLIES = {"greet": GREETING, "forever": "again and ", "empty": ""}
FAULT = re.compile(r"(?P<kind>raise|die|lose|hang)(?: at (?P<position>\d+))?")

_EOS = "</s>"
_TEMPLATE = (
    "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)


def write_model_folder(folder: Path) -> Path:
    """A byte-level tokenizer without merges: one token is one byte; one more ends the text."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {character: token for token, character in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([_EOS])
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    contents = {
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": _EOS,
            "chat_template": _TEMPLATE,
        },
        "config.json": {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": tokenizer.get_vocab_size(),
            "max_position_embeddings": MAX_LENGTH,
            "eos_token_id": tokenizer.token_to_id(_EOS),
        },
    }
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder


def end_token(tokenizer: Tokenizer) -> int:
    """The token that ends an answer."""
    token = tokenizer.token_to_id(_EOS)
    assert token is not None, "write_model_folder adds it"
    return token


class QuickTokenizer:
    """Does what `TextTokenizer` does for plain requests, without importing transformers.

    The conversations' template is the one that `write_model_folder` writes.
    """

    def __init__(self, folder: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.anchored_decoder = AnchoredDecoder(self._Delegate(self._tokenizer))  # type: ignore[arg-type]

    class _Delegate:
        """What `AnchoredDecoder` reads of a Hugging Face tokenizer."""

        def __init__(self, tokenizer: Tokenizer) -> None:
            self._tokenizer = tokenizer
            self.added_tokens_decoder = {tokenizer.token_to_id(_EOS): _EOS}

        def __len__(self) -> int:
            return int(self._tokenizer.get_vocab_size())

        def encode(self, text: str, add_special_tokens: bool) -> list[int]:
            return list(self._tokenizer.encode(text, add_special_tokens=add_special_tokens).ids)

        def decode(
            self, tokens: list[int], skip_special_tokens: bool, clean_up_tokenization_spaces: bool
        ) -> str:
            return str(self._tokenizer.decode(tokens, skip_special_tokens=skip_special_tokens))

        def convert_ids_to_tokens(self, token: int) -> str:
            return str(self._tokenizer.id_to_token(token))

    @property
    def special_tokens(self) -> Mapping[str, int]:
        return {_EOS: end_token(self._tokenizer)}

    def prompt_text(
        self,
        messages: Sequence[TextGenerationRequestMessage],
        tools: Sequence[dict[str, Any]] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> PromptText:
        turns = "".join(f"{message.role}: {message.content}\n" for message in messages)
        ends = (options or {}).get("add_generation_prompt", True)
        return PromptText(turns + ("assistant: " if ends else ""), add_special_tokens=False)

    async def render(
        self,
        messages: Sequence[TextGenerationRequestMessage],
        tools: Sequence[dict[str, Any]] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> PromptText:
        return self.prompt_text(messages, tools, options)

    async def encode(
        self,
        prompt: str,
        add_special_tokens: bool = True,
        cuts: Sequence[int] = (),
        *,
        most: int | None = None,
    ) -> NDArray[np.int64]:
        return np.asarray(self._tokenizer.encode(prompt).ids, np.int64)

    async def decode(self, tokens: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=False))

    async def token_strings_of(self, tokens: Sequence[int]) -> list[str]:
        return self.token_strings(tokens)

    def token_strings(self, tokens: Sequence[int]) -> list[str]:
        return [str(self._tokenizer.id_to_token(token)) for token in tokens]

    def check_token_ids(self, param: str, ids: Sequence[int]) -> None:
        limit = self._tokenizer.get_vocab_size()
        if wrong := [token for token in ids if not 0 <= token < limit]:
            raise InputError(f"{param} has the token id {wrong[0]}", param=param)

    async def new_context(self, request: TextGenerationRequest) -> TextContext:
        tokens = self._prompt(request)
        params = request.sampling_params.with_seed()
        if len(tokens) >= MAX_LENGTH:
            raise PromptTooLongError(len(tokens), MAX_LENGTH)
        longest = params.max_new_tokens or MAX_LENGTH
        return TextContext(
            request_id=request.request_id,
            model_name=request.model_name,
            tokens=TokenBuffer(tokens),
            max_length=min(MAX_LENGTH, len(tokens) + longest),
            eos_tracker=EOSTracker(
                eos_token_ids=frozenset({end_token(self._tokenizer)}),
                stop_token_ids=frozenset(params.stop_token_ids or ()),
                ignore_eos=params.ignore_eos,
                min_new_tokens=params.min_new_tokens,
            ),
            sampling_params=params,
            log_probabilities=request.logprobs,
            log_probabilities_echo=request.echo,
        )

    def _prompt(self, request: TextGenerationRequest) -> list[int]:
        if request.prompt is not None and not isinstance(request.prompt, str):
            self.check_token_ids("prompt", request.prompt)
            return list(request.prompt)
        text = request.prompt or self.prompt_text(request.messages).text
        return list(self._tokenizer.encode(text).ids)


class Pages(BlockManager):
    """The page bookkeeping of a KV cache, without the memory."""

    @property
    def total_num_pages(self) -> int:
        return self.pool.total_pages

    @property
    def num_free_pages(self) -> int:
        return self.pool.num_free

    def get_pct_used_blocks_after_allocation(self, ctx: TextContext) -> float:
        result = self.ask(ctx)
        used = result.pages_total - result.pages_free + result.pages_needed
        return used / result.pages_total


def nobody_reads() -> Any:
    """Tokens on a device: a scripted step knows what it is to say."""
    raise AssertionError("a scripted step takes no tokens from the one before it")


@dataclass
class ScriptedPipeline:
    """Answers by script, with the real page bookkeeping behind it.

    A prompt with one of `REPLIES` in it gets that reply ("forever" over and over), any other one
    its own text back, and "pages" is answered with the number of pages that other requests hold, in
    three digits. "raise" makes the step raise, "die" ends the process, "hang" waits for ever and
    "lose" leaves the request out of the step's outputs: in the first step, or "at 5" when it has 5
    tokens.
    """

    tokenizer: Tokenizer
    pipeline_config: PipelineConfig
    kv_manager: Pages
    plan: MemoryPlan | None
    _replies: dict[str, list[int]] = field(default_factory=dict)
    _faults: dict[str, dict[int, str]] = field(default_factory=dict)
    _lost: dict[int, set[RequestID]] = field(default_factory=dict)

    @cached_property
    def _forever(self) -> list[int]:
        return self._tokens(REPLIES["forever"])

    @cached_property
    def eos(self) -> int:
        return end_token(self.tokenizer)

    def execute(
        self, inputs: TextGenerationInputs[TextContext]
    ) -> dict[RequestID, TextGenerationOutput]:
        return self.collect(self.launch(inputs))

    def launch(
        self,
        inputs: TextGenerationInputs[TextContext],
        after: LaunchedStep | None = None,
        executor: Executor | None = None,
    ) -> LaunchedStep:
        batch = inputs.flat_batch
        complete = [context for context in batch if context.tokens.is_complete_after_step]
        found = [self._next_token(context) for context in complete]
        faults = [self._fault(context) for context in complete]

        def run() -> StepResult:
            for fault in faults:
                self._fail(fault)
            return StepResult(found, [])

        for context in complete:
            context.expect_token()
        processed = [context.tokens.launch() for context in batch]
        result = run if executor is None else executor.submit(run).result
        step = LaunchedStep(
            batch,
            processed,
            {context.request_id: index for index, context in enumerate(complete)},
            result,
            nobody_reads,
            any(context.log_probabilities is not None for context in batch),
        )
        self._lost[id(step)] = {
            context.request_id
            for context, fault in zip(complete, faults, strict=True)
            if fault == "lose"
        }
        return step

    def collect(self, step: LaunchedStep) -> dict[RequestID, TextGenerationOutput]:
        lost = self._lost.pop(id(step))
        found = step.result().tokens
        outputs = {}
        for context, processed in zip(step.contexts, step.processed, strict=True):
            request_id = context.request_id
            if context.is_done:
                continue
            tokens = [found[step.sampled[request_id]]] if request_id in step.sampled else []
            for token in tokens:
                context.fill(token)
            if self.kv_manager.contains(request_id):
                context.tokens.collect(processed)
                self.kv_manager.commit(context)
            if request_id in lost:
                continue
            outputs[request_id] = TextGenerationOutput(
                request_id,
                tokens,
                context.status,
                [scores_after(context, [processed - 1])]
                if tokens and context.log_probabilities is not None
                else None,
                prompt_scores(context, processed - 1) if context.wants_prompt_scores else None,
            )
        return outputs

    def die(self) -> None:
        """Ends the process, as a fault in a kernel does."""
        os._exit(7)

    def release(self, request_id: RequestID) -> None:
        self.kv_manager.release(request_id)

    def _next_token(self, context: TextContext) -> int:
        position = context.tokens.generated_length
        if position == 0:
            self.kv_manager.check_integrity()
        if context.request_id not in self._replies:
            self._replies[context.request_id] = self._reply(context)
            self._faults[context.request_id] = self._planned_faults(context)
        reply = self._replies[context.request_id]
        ends = position >= len(reply) and reply != self._forever
        return self.eos if ends else reply[position % len(reply)]

    def _fault(self, context: TextContext) -> str | None:
        return self._faults[context.request_id].get(context.tokens.generated_length)

    def _planned_faults(self, context: TextContext) -> dict[int, str]:
        """What goes wrong, by the number of tokens that the request has then."""
        found = FAULT.finditer(self._text(context.tokens.prompt.tolist()))
        return {int(fault["position"] or 0): fault["kind"] for fault in found}

    def _fail(self, fault: str | None) -> None:
        if fault == "raise":
            raise RuntimeError("the script said so")
        if fault == "die":
            self.die()
        if fault == "hang":
            threading.Event().wait()

    def _reply(self, context: TextContext) -> list[int]:
        prompt = self._text(context.tokens.prompt.tolist())
        if "pages" in prompt:
            own = len(self.kv_manager.pages_of(context.request_id))
            held = self.kv_manager.total_num_pages - self.kv_manager.num_free_pages - own
            return self._tokens(f"{held:03}")
        found = [reply for word, reply in REPLIES.items() if word in prompt]
        return self._tokens(found[0] if found else prompt)

    def _tokens(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text).ids)

    def _text(self, tokens: list[int]) -> str:
        return str(self.tokenizer.decode(tokens))


def scores_after(context: TextContext, places: Sequence[int]) -> LogProbabilities:
    """The scripted log probabilities of the tokens after these ones: the negative places."""
    tokens = [int(context.tokens.all[place + 1]) for place in places]
    scores = [-float(place + 1) for place in places]
    return LogProbabilities(scores, [{t: s} for t, s in zip(tokens, scores, strict=True)])


def prompt_scores(context: TextContext, last: int) -> LogProbabilities:
    """Those of prompt tokens that were not given yet, up to the one after `last`."""
    end = min(last + 1, context.tokens.prompt_length - 1)
    scores = scores_after(context, range(context.prompt_tokens_scored, end))
    context.prompt_tokens_scored = end
    return scores


def make_plan(*, max_length: int = MAX_LENGTH, max_batch_size: int = 64) -> MemoryPlan:
    """What a memory planner would say of the scripted model."""
    return MemoryPlan(
        device="cpu",
        available_bytes=0,
        device_memory_utilization=1,
        weights_bytes=0,
        activation_bytes=0,
        bytes_per_page=0,
        page_size=PAGE_SIZE,
        pages_of_request=-(-max_length // PAGE_SIZE),
        total_num_pages=TOTAL_PAGES,
        max_length=max_length,
        max_batch_size=max_batch_size,
    )


def make_pipeline(
    folder: Path, on_phase: Callable[[str], None] = lambda phase: None, **runtime: float | bool
) -> ScriptedPipeline:
    """The pipeline; `runtime` are fields of `PipelineRuntimeConfig`."""
    on_phase("allocate")
    return ScriptedPipeline(
        # Not TextTokenizer: transformers takes seconds to import, in each worker.
        tokenizer=Tokenizer.from_file(str(folder / "tokenizer.json")),
        pipeline_config=PipelineConfig.from_flat_kwargs(
            model_path=str(folder), runtime={"max_batch_input_tokens": 8192, **runtime}
        ),
        kv_manager=Pages(TOTAL_PAGES, PAGE_SIZE, enable_prefix_caching=True),
        plan=make_plan(),
    )


def fail_to_load(message: str, on_phase: Callable[[str], None]) -> ScriptedPipeline:
    """A factory for a model that cannot be loaded."""
    raise RuntimeError(message)


def scripted_source(
    folder: Path, *, failure: str | None = None, retrieve_failure: str | None = None
) -> ModelSource:
    """The scripted model as something to serve, or to fail with a message.

    Args:
        folder: What `write_model_folder` wrote.
        failure: What goes wrong in the worker.
        retrieve_failure: What goes wrong before, in the API process.
    """
    factory = partial(make_pipeline, folder) if failure is None else partial(fail_to_load, failure)

    def retrieve() -> ModelParts:
        if retrieve_failure is not None:
            raise FileNotFoundError(retrieve_failure)
        return ModelParts(partial(QuickTokenizer, folder), factory, {"temperature": 0.5})

    return ModelSource(MODEL_NAME, retrieve, enable_echo=True)


def scheduler_of(pipeline: ScriptedPipeline, **limits: Any) -> Scheduler:
    """The scheduler that a worker makes for it, but for these limits."""
    config = SchedulerConfig.of(pipeline.pipeline_config.runtime, pipeline.plan)
    return Scheduler(replace(config, **limits), pipeline.kv_manager)
