"""A model without weights for server tests: its tokens are bytes and its answers are scripted.

What the last words of a prompt say is what it does; see `REPLIES` and `ScriptedPipeline`.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from max.pipelines.config import PipelineConfig
from max.pipelines.context import TextContext, TextGenerationOutput
from max.pipelines.kv_cache import BlockManager
from max.pipelines.lib.tokenizer import TextTokenizer
from max.pipelines.modeling.types import RequestID, TextGenerationInputs
from max.serve.model_source import ModelParts, ModelSource

MODEL_NAME = "scripted/model"
MAX_LENGTH = 512
PAGE_SIZE = 16
TOTAL_PAGES = 96

GREETING = "Hello, world! Grüße, 世界 😀. Bye."
REPLIES = {"greet": GREETING, "forever": "again and " * MAX_LENGTH, "empty": ""}

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
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # type: ignore[assignment]
    tokenizer.decoder = decoders.ByteLevel()  # type: ignore[assignment]
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


@dataclass
class ScriptedPipeline:
    """Answers by script, with the real page bookkeeping behind it.

    A prompt with one of `REPLIES` in it gets that reply, any other one its own text back. "raise"
    makes the step raise, "die" ends the process, and "pages" is answered with the number of pages
    that other requests hold, in three digits.
    """

    tokenizer: TextTokenizer
    pipeline_config: PipelineConfig
    kv_manager: Pages
    max_length: int = MAX_LENGTH

    def execute(
        self, inputs: TextGenerationInputs[TextContext]
    ) -> dict[RequestID, TextGenerationOutput]:
        self.kv_manager.check_integrity()
        outputs = {}
        for context in inputs.flat_batch:
            tokens = self._next_tokens(context)
            context.tokens.advance()
            outputs[context.request_id] = TextGenerationOutput(
                context.request_id, tokens, context.status
            )
            self.kv_manager.commit(context)
        return outputs

    def release(self, request_id: RequestID) -> None:
        self.kv_manager.release(request_id)

    def _next_tokens(self, context: TextContext) -> list[int]:
        if not context.tokens.is_complete_after_step:
            return []
        prompt = self._text(context.tokens.prompt.tolist())
        if "raise" in prompt:
            raise RuntimeError("the script said so")
        if "die" in prompt:
            os._exit(7)
        reply = self._reply(context, prompt)
        position = context.tokens.generated_length
        token = reply[position] if position < len(reply) else self.tokenizer.eos
        context.update(token)
        return [token]

    def _reply(self, context: TextContext, prompt: str) -> list[int]:
        if "pages" in prompt:
            own = len(self.kv_manager.pages_of(context.request_id))
            held = self.kv_manager.total_num_pages - self.kv_manager.num_free_pages - own
            return self._tokens(f"{held:03}")
        found = [reply for word, reply in REPLIES.items() if word in prompt]
        return self._tokens(found[0] if found else prompt)

    def _tokens(self, text: str) -> list[int]:
        return list(self.tokenizer.delegate.encode(text))

    def _text(self, tokens: list[int]) -> str:
        return str(self.tokenizer.delegate.decode(tokens))


def make_pipeline(folder: Path, **runtime: object) -> ScriptedPipeline:
    """The pipeline; `runtime` are fields of `PipelineConfig`."""
    return ScriptedPipeline(
        tokenizer=TextTokenizer(folder),
        pipeline_config=PipelineConfig.from_flat_kwargs(model_path=str(folder), **runtime),
        kv_manager=Pages(TOTAL_PAGES, PAGE_SIZE),
    )


def fail_to_load(message: str) -> ScriptedPipeline:
    """A factory for models that cannot be loaded."""
    raise RuntimeError(message)


def scripted_source(folder: Path, **options: bool) -> ModelSource:
    """The scripted model as something to serve."""

    def retrieve() -> ModelParts:
        return ModelParts(TextTokenizer(folder), partial(make_pipeline, folder), {})

    return ModelSource(MODEL_NAME, retrieve, **options)
