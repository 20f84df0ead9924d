"""Requests become contexts, or errors that say what was given and what is allowed."""

from __future__ import annotations

import asyncio
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from max.pipelines.config import ModelSourceError, PipelineConfig
from max.pipelines.context import InputError, PromptTooLongError, SamplingParams, TextContext
from max.pipelines.lib.tokenizer import TextTokenizer
from max.pipelines.modeling.types import (
    PipelineTokenizer,
    RequestID,
    TextGenerationRequest,
    TextGenerationRequestMessage,
)

MakeFolder = Callable[..., Path]


def new_context(tokenizer: TextTokenizer, **fields: Any) -> TextContext:
    """The context of a request with these fields; sampling parameters may be among them."""
    names = SamplingParams.__dataclass_fields__.keys() & fields.keys()
    params = SamplingParams(**{name: fields.pop(name) for name in names})
    request = TextGenerationRequest(sampling_params=params, **fields)
    return asyncio.run(tokenizer.new_context(request))


def prompt_text(tokenizer: TextTokenizer, context: TextContext) -> str:
    """The prompt of a context as text, special tokens included."""
    return asyncio.run(tokenizer.decode(context.tokens.prompt))


def chat(*contents: str) -> list[TextGenerationRequestMessage]:
    """Messages of the user."""
    return [TextGenerationRequestMessage("user", content) for content in contents]


def test_it_is_a_pipeline_tokenizer(byte_level: TextTokenizer) -> None:
    assert isinstance(byte_level, PipelineTokenizer)


@pytest.mark.parametrize("text", ["", "hello world", "日本 😀\n\ttext", "\x00\u200d"])
def test_text_survives_encode_and_decode(byte_level: TextTokenizer, text: str) -> None:
    tokens = asyncio.run(byte_level.encode(text, add_special_tokens=False))
    assert tokens.dtype == np.int64 and tokens.ndim == 1
    assert asyncio.run(byte_level.decode(tokens)) == text


def test_long_text_survives_too(byte_level: TextTokenizer) -> None:
    text = "日本 😀" * 2000
    tokens = asyncio.run(byte_level.encode(text, add_special_tokens=False))
    assert asyncio.run(byte_level.decode(tokens)) == text


def test_tokens_as_the_vocabulary_writes_them(byte_level: TextTokenizer) -> None:
    strings = byte_level.token_strings(byte_level.delegate.encode("a\n"))
    # Byte-level vocabularies write a newline as U+010A.
    assert strings == ["<s>", "a", "\u010a"]


def test_long_text_is_encoded_alike(byte_level: TextTokenizer) -> None:
    tokens = asyncio.run(byte_level.encode("hello " * 2000))
    assert tokens.tolist() == byte_level.delegate.encode("hello " * 2000)


def test_decode_takes_one_token(byte_level: TextTokenizer) -> None:
    [token] = byte_level.delegate.encode("h", add_special_tokens=False)
    assert asyncio.run(byte_level.decode(token)) == "h"
    assert asyncio.run(byte_level.decode([token])) == "h"
    for array in (np.array(token), np.array([token])):
        assert asyncio.run(byte_level.decode(array)) == "h"


def test_decode_skips_special_tokens_on_request(byte_level: TextTokenizer) -> None:
    assert asyncio.run(byte_level.decode(byte_level.eos)) == "</s>"
    assert asyncio.run(byte_level.decode(byte_level.eos, skip_special_tokens=True)) == ""
    with pytest.raises(TypeError, match="skip_spaces"):
        asyncio.run(byte_level.decode(byte_level.eos, skip_spaces=True))


def test_whitespace_fix_keeps_the_space_of_a_single_token(byte_fallback_folder: Path) -> None:
    fixed = TextTokenizer(byte_fallback_folder, enable_llama_whitespace_fix=True)
    plain = TextTokenizer(byte_fallback_folder)
    [token] = fixed.delegate.encode("hello", add_special_tokens=False)
    assert asyncio.run(fixed.decode(token)) == " hello"
    assert asyncio.run(plain.decode(token)) == "hello"
    assert asyncio.run(fixed.decode([token])) == "hello"


def test_prompt_of_text_has_one_beginning(byte_level: TextTokenizer) -> None:
    context = new_context(byte_level, prompt="hello")
    assert prompt_text(byte_level, context) == "<s>hello"


def test_prompt_of_messages_has_one_beginning(byte_level: TextTokenizer) -> None:
    context = new_context(byte_level, messages=chat("hello"))
    assert prompt_text(byte_level, context) == "<s><user>hello<|end|><assistant>"


def test_prompt_of_token_ids_is_taken_as_it_is(byte_level: TextTokenizer) -> None:
    context = new_context(byte_level, prompt=[5, 6, 7])
    assert context.tokens.all.tolist() == [5, 6, 7]
    assert context.tokens.prompt_length == 3


def test_messages_as_mappings_and_template_options(byte_level: TextTokenizer) -> None:
    context = new_context(
        byte_level,
        messages=[{"role": "user", "content": "hello"}],
        chat_template_options={"add_generation_prompt": False},
    )
    assert prompt_text(byte_level, context) == "<s><user>hello<|end|>"


def test_chat_template_given_as_text(byte_level_folder: Path) -> None:
    tokenizer = TextTokenizer(byte_level_folder, chat_template="{{ messages[0].content }}")
    assert tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}]) == "Hi"
    assert prompt_text(tokenizer, new_context(tokenizer, messages=chat("Hi"))) == "Hi"


def test_settings_of_the_pipeline_configuration(byte_level_folder: Path, tmp_path: Path) -> None:
    template = tmp_path / "template.jinja"
    template.write_text("own: {{ messages[0].content }}", encoding="utf-8")
    config = PipelineConfig.from_flat_kwargs(
        model_path=str(byte_level_folder), max_length=99, chat_template=template
    )
    tokenizer = TextTokenizer(byte_level_folder, config)
    assert tokenizer.max_length == 99
    assert tokenizer.apply_chat_template(chat("Hi")) == "own: Hi"
    assert TextTokenizer(byte_level_folder, config, max_length=50).max_length == 50


def test_template_with_a_syntax_error_is_told_at_start(
    byte_level_folder: Path, make_model_folder: MakeFolder
) -> None:
    broken = "{{ messages[0].content }}\n{% for"
    with pytest.raises(ModelSourceError, match=r"given chat template .* line 2.*--chat-template"):
        TextTokenizer(byte_level_folder, chat_template=broken)
    with pytest.raises(ModelSourceError, match=r"the model's chat template has a syntax error"):
        TextTokenizer(make_model_folder(tokenizer_config={"chat_template": broken}))


def test_template_that_refuses_a_greeting_is_fine(byte_level_folder: Path) -> None:
    picky = "{{ raise_exception('a system prompt comes first') }}"
    assert TextTokenizer(byte_level_folder, chat_template=picky).has_chat_template


def test_prompt_text_is_what_a_context_has(byte_level: TextTokenizer) -> None:
    text, add_special_tokens, _ = byte_level.prompt_text(chat("Hi"))
    tokens = asyncio.run(byte_level.encode(text, add_special_tokens))
    assert tokens.tolist() == new_context(byte_level, messages=chat("Hi")).tokens.prompt.tolist()


@pytest.mark.parametrize("name", ["messages", "tools", "self"])
def test_template_options_are_no_arguments_of_ours(byte_level: TextTokenizer, name: str) -> None:
    with pytest.raises(InputError, match=name):
        new_context(byte_level, messages=chat("Hi"), chat_template_options={name: 1})


def test_model_without_a_chat_template(make_model_folder: MakeFolder) -> None:
    tokenizer = TextTokenizer(make_model_folder(tokenizer_config={"chat_template": None}))
    assert not tokenizer.has_chat_template
    context = new_context(tokenizer, messages=chat("hello"))
    assert prompt_text(tokenizer, context) == "<s>hello"
    assistant = TextGenerationRequestMessage("assistant", "Hi")
    with pytest.raises(InputError, match="no chat template"):
        new_context(tokenizer, messages=[*chat("hello"), assistant])
    with pytest.raises(InputError, match="--chat-template"):
        tokenizer.apply_chat_template(chat("hello"))


def test_context_carries_the_request(byte_level: TextTokenizer) -> None:
    context = new_context(
        byte_level,
        request_id=RequestID("mine"),
        model_name="demo",
        prompt="hello",
        cache_salt="salt",
        temperature=0.5,
        seed=11,
        min_new_tokens=2,
        stop_token_ids=[9],
        ignore_eos=True,
    )
    assert (context.request_id, context.model_name, context.cache_salt) == ("mine", "demo", "salt")
    assert (context.sampling_params.temperature, context.sampling_params.seed) == (0.5, 11)
    tracker = context.eos_tracker
    assert tracker.eos_token_ids == byte_level.eos_token_ids == {1, 2}  # </s> and <|end|>
    assert tracker.stop_token_ids == {9}
    assert (tracker.ignore_eos, tracker.min_new_tokens) == (True, 2)


def test_seed_is_drawn_once(byte_level: TextTokenizer) -> None:
    seeds = {new_context(byte_level, prompt="hello").sampling_params.seed for _ in range(3)}
    assert None not in seeds and len(seeds) == 3


@pytest.mark.parametrize(("max_new_tokens", "expected"), [(None, 100), (10, 13), (1000, 100)])
def test_length_limit(byte_level_folder: Path, max_new_tokens: int | None, expected: int) -> None:
    tokenizer = TextTokenizer(byte_level_folder, max_length=100)
    context = new_context(tokenizer, prompt=[5, 6, 7], max_new_tokens=max_new_tokens)
    assert context.max_length == expected


@pytest.mark.parametrize("num_tokens", [8, 9, 30])
def test_prompt_without_room_for_an_answer(byte_level_folder: Path, num_tokens: int) -> None:
    tokenizer = TextTokenizer(byte_level_folder, max_length=8)
    with pytest.raises(PromptTooLongError) as caught:
        new_context(tokenizer, prompt=[5] * num_tokens)
    assert (caught.value.given, caught.value.allowed) == (num_tokens, 8)
    assert caught.value.code == "context_length_exceeded"
    assert f"{num_tokens} tokens" in str(caught.value) and "--max-length" in str(caught.value)


def test_prompt_without_room_is_refused_before_its_tokens_are_looked_at(
    byte_level_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million of them would hold up others."""
    tokenizer = TextTokenizer(byte_level_folder, max_length=8)
    looked_at: list[str] = []
    monkeypatch.setattr(tokenizer, "check_token_ids", lambda param, ids: looked_at.append(param))
    with pytest.raises(PromptTooLongError, match="8 tokens"):
        new_context(tokenizer, prompt=[5] * 8)
    assert "prompt" not in looked_at
    new_context(tokenizer, prompt=[5] * 7)
    assert "prompt" in looked_at


def test_longest_prompt(byte_level_folder: Path) -> None:
    tokenizer = TextTokenizer(byte_level_folder, max_length=8)
    assert len(new_context(tokenizer, prompt=[5] * 7).tokens) == 7


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": [5, 100_000]}, "prompt"),
        ({"prompt": [-1]}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": "x", "stop_token_ids": [100_000]}, "stop_token_ids"),
        ({"prompt": "x", "logit_bias": {100_000: 1.0}}, "logit_bias"),
        ({"prompt": "x", "response_format": {"type": "xml"}}, "response_format"),
        (
            {
                "prompt": "x",
                "response_format": {"type": "json_schema", "json_schema": {"schema": {"not": {}}}},
            },
            "response_format",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages"),
    ],
)
def test_requests_that_cannot_be_served(
    byte_level: TextTokenizer, fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(InputError) as caught:
        new_context(byte_level, **fields)
    assert caught.value.param == param


@pytest.mark.parametrize("field", ["prompt", "messages"])
def test_half_of_a_surrogate_pair(byte_level: TextTokenizer, field: str) -> None:
    text = "ab\ud83d"
    with pytest.raises(InputError, match=r"is '\\ud83d', half of a surrogate pair"):
        new_context(byte_level, **{field: text if field == "prompt" else chat(text)})


def test_empty_text_without_a_beginning_token(make_model_folder: MakeFolder) -> None:
    tokenizer = TextTokenizer(make_model_folder())
    tokenizer.delegate.backend_tokenizer.post_processor = None
    with pytest.raises(InputError, match="has no tokens"):
        new_context(tokenizer, prompt="")


def test_token_that_only_the_model_knows_has_no_text(byte_level: TextTokenizer) -> None:
    unknown = len(byte_level.delegate) + 3
    assert byte_level.token_strings([byte_level.eos, unknown]) == ["</s>", ""]


def test_end_token_is_the_tokenizers_own(byte_level: TextTokenizer) -> None:
    assert byte_level.eos == byte_level.delegate.convert_tokens_to_ids("</s>")


def test_end_token_of_the_other_files(make_model_folder: MakeFolder) -> None:
    folder = make_model_folder(tokenizer_config={"eos_token": None}, config={"eos_token_id": [7]})
    assert TextTokenizer(folder).eos == 2  # the generation configuration's <|end|>


def test_no_end_token(make_model_folder: MakeFolder) -> None:
    folder = make_model_folder(
        tokenizer_config={"eos_token": None}, config={"eos_token_id": None}, generation_config=None
    )
    with pytest.raises(ValueError, match="no end token"):
        _ = TextTokenizer(folder).eos


@pytest.mark.parametrize("lacking", [0, 1])
def test_token_that_the_model_lacks(
    byte_level: TextTokenizer, make_model_folder: MakeFolder, lacking: int
) -> None:
    largest = max(byte_level.delegate.encode("hello"))
    tokenizer = TextTokenizer(make_model_folder(config={"vocab_size": largest + 1 - lacking}))
    if not lacking:
        assert new_context(tokenizer, prompt="hello").tokens.prompt.max() == largest
        return
    told = rf"\({largest}\), but the model knows the tokens 0 to {largest - 1} only"
    with pytest.raises(InputError, match=told) as caught:
        new_context(tokenizer, prompt="hello")
    assert caught.value.param == "prompt"


def test_validators_of_the_architecture_see_each_context(byte_level_folder: Path) -> None:
    def refuse_long(context: TextContext) -> None:
        if len(context.tokens) > 5:
            raise InputError("too long for this architecture")

    tokenizer = TextTokenizer(byte_level_folder, context_validators=[refuse_long])
    assert len(new_context(tokenizer, prompt=[1, 2, 3]).tokens) == 3
    with pytest.raises(InputError, match="too long for this architecture"):
        new_context(tokenizer, prompt=[1] * 6)


def test_tokenizer_crosses_processes(byte_level: TextTokenizer) -> None:
    copy = pickle.loads(pickle.dumps(byte_level))
    assert asyncio.run(copy.encode("hello")).tolist() == byte_level.delegate.encode("hello")


def test_demo_tokenizer() -> None:
    tokenizer = TextTokenizer("demo")
    context = new_context(tokenizer, messages=chat("What is 2 + 3?"))
    text = prompt_text(tokenizer, context)
    bos = tokenizer.delegate.bos_token
    assert text.startswith(bos) and text.count(bos) == 1
    assert tokenizer.delegate.convert_tokens_to_ids("<|eot_id|>") in tokenizer.eos_token_ids


def test_request_that_may_begin_with_no_token_is_refused(byte_level: TextTokenizer) -> None:
    every = range(byte_level.vocab_size)
    with pytest.raises(InputError) as caught:
        new_context(byte_level, prompt="x", min_new_tokens=1, stop_token_ids=every)
    assert caught.value.param == "stop_token_ids"

    new_context(byte_level, prompt="x", min_new_tokens=0, stop_token_ids=every)
    new_context(byte_level, prompt="x", min_new_tokens=1, stop_token_ids=every[1:])


@pytest.mark.parametrize("repeated", ["a", "ab ", "é"])
def test_text_that_cannot_fit_is_not_read_to_its_end(
    byte_level_folder: Path, monkeypatch: pytest.MonkeyPatch, repeated: str
) -> None:
    tokenizer = TextTokenizer(byte_level_folder, max_length=500)
    read: list[int] = []
    encode = tokenizer.delegate.encode

    def encode_and_note(text: str, **options: Any) -> list[int]:
        read.append(len(text))
        return list(encode(text, **options))

    monkeypatch.setattr(tokenizer.delegate, "encode", encode_and_note)

    for request in ({"prompt": repeated * 100_000}, {"messages": chat(repeated * 100_000)}):
        read.clear()
        with pytest.raises(PromptTooLongError) as caught:
            new_context(tokenizer, **request)
        assert caught.value.is_more and caught.value.given > 500
        assert caught.value.param == next(iter(request))
        assert "more than" in str(caught.value)
        assert sum(read) < 20_000


def test_text_with_few_tokens_for_its_characters_is_read_whole(
    byte_level_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = TextTokenizer(byte_level_folder, max_length=2_500)
    monkeypatch.setattr("max.pipelines.lib.tokenizer.text_codec._CHARACTERS_PER_TOKEN", 1)
    text = "<|end|>" * 2_000

    context = new_context(tokenizer, prompt=text)

    assert prompt_text(tokenizer, context) == "<s>" + text


def test_long_answers_are_those_of_short_ones(byte_level: TextTokenizer) -> None:
    text = "Grüße 😀 " * 500
    tokens = asyncio.run(byte_level.encode(text, add_special_tokens=False))

    assert tokens.size > 2000
    assert asyncio.run(byte_level.decode(tokens)) == text
    strings = asyncio.run(byte_level.token_strings_of(tokens.tolist()))
    assert strings == byte_level.token_strings(tokens.tolist())


@pytest.mark.parametrize("length", [40, 4000])
def test_text_that_a_regular_expression_does_not_come_to_an_end_with(
    byte_level_folder: Path, tmp_path: Path, length: int
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(byte_level_folder, folder)
    path = folder / "tokenizer.json"
    saved = json.loads(path.read_text())
    split = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated"}
    parts = [{**split, "invert": False}, saved["pre_tokenizer"]]
    saved["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": parts}
    path.write_text(json.dumps(saved))
    tokenizer = TextTokenizer(str(folder), max_length=8192)
    assert new_context(tokenizer, prompt="hello").tokens.prompt.size > 0
    with pytest.raises(InputError, match="more steps than it may: one of its regular expressions"):
        new_context(tokenizer, prompt="a" * length + "b")
