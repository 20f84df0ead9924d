"""The carried tokenizer: loss-free on any text, single digits, a chat template."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from max.demo import model_path
from max.pipelines.parsing.formats.json_calls import HERMES
from max.pipelines.parsing.registry import formats_for
from tools.demo.calculator import draw_calculator
from tools.demo.corpus import draw_chat, sample_texts
from tools.demo.tokenizer import (
    SPECIAL_TOKENS,
    VOCABULARY_SIZE,
    Message,
    render_chat,
    save_tokenizer,
    train_tokenizer,
)

TOKENIZER = AutoTokenizer.from_pretrained(model_path())

unicode_text = st.text(st.characters(exclude_categories=["Cs"]))


def render_template(messages: list[Message], *, add_generation_prompt: bool = False) -> str:
    return str(
        TOKENIZER.apply_chat_template(
            [message.as_dict() for message in messages],
            tokenize=False,
            add_generation_prompt=add_generation_prompt,
        )
    )


@given(unicode_text)
@settings(max_examples=300, deadline=None)
def test_any_text_round_trips(text: str) -> None:
    ids = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    assert TOKENIZER.decode(ids) == text


@given(
    st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), unicode_text), min_size=1)
)
@settings(max_examples=50, deadline=None)
def test_training_text_is_what_the_chat_template_renders(chat: list[tuple[str, str]]) -> None:
    messages = [Message(role, content) for role, content in chat]
    expected = "".join(piece.text for piece in render_chat(messages))
    assert render_template(messages) == expected


def test_every_byte_is_in_the_vocabulary() -> None:
    text = "".join(map(chr, range(0x250))) + "\U0001f600\u65e5\uffff"
    assert TOKENIZER.decode(TOKENIZER(text, add_special_tokens=False)["input_ids"]) == text


def test_digits_are_tokens_of_their_own() -> None:
    assert TOKENIZER.tokenize("12345") == ["1", "2", "3", "4", "5"]


def test_text_starts_with_one_begin_of_text() -> None:
    ids = TOKENIZER("Hello")["input_ids"]
    assert ids.count(TOKENIZER.bos_token_id) == 1
    assert ids[0] == TOKENIZER.bos_token_id


def test_generation_prompt_opens_the_assistants_turn() -> None:
    rendered = render_template(
        [Message("system", "Be brief."), Message("user", " Hi\n")], add_generation_prompt=True
    )
    assert rendered == (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )


def test_template_takes_content_in_parts() -> None:
    parts = [{"type": "text", "text": "1 + "}, {"type": "text", "text": "1"}]
    chat: list[dict[str, Any]] = [{"role": "user", "content": parts}]
    rendered = TOKENIZER.apply_chat_template(chat, tokenize=False)
    assert rendered == render_template([Message("user", "1 + 1")])


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("is_text", [True, False], ids=["text", "object"])
def test_training_text_with_calls_is_what_the_chat_template_renders(
    seed: int, is_text: bool
) -> None:
    rng = random.Random(seed)
    calculator = draw_calculator(rng)
    messages = draw_chat(rng, 3, calculator)
    given = [message.as_dict() for message in messages]
    for message in given:
        for call in message.get("tool_calls", ()):
            if not is_text:
                call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    rendered = TOKENIZER.apply_chat_template(
        given, tools=[tool.as_dict() for tool in calculator.offered], tokenize=False
    )
    assert rendered == "".join(piece.text for piece in render_chat(messages, calculator.offered))


def test_functions_may_have_no_parameters() -> None:
    clock = {"type": "function", "function": {"name": "clock"}}
    user: list[dict[str, Any]] = [{"role": "user", "content": "Hi"}]
    rendered = str(TOKENIZER.apply_chat_template(user, tools=[clock], tokenize=False))
    assert "You can call: clock()<|eot_id|>" in rendered


def test_the_format_of_calls_is_read_off_the_template() -> None:
    assert formats_for(str(TOKENIZER.chat_template)).tools is HERMES


def test_special_tokens_are_single_tokens() -> None:
    assert TOKENIZER.tokenize("".join(SPECIAL_TOKENS)) == list(SPECIAL_TOKENS)
    assert TOKENIZER.eos_token == "<|eot_id|>"


@pytest.mark.parametrize("word", ["Hello", " Tom", " apples", "####"])
def test_frequent_words_are_single_tokens(word: str) -> None:
    assert len(TOKENIZER(word, add_special_tokens=False)["input_ids"]) == 1


def test_a_trained_tokenizer_survives_saving(tmp_path: Path) -> None:
    trained = train_tokenizer(sample_texts(seed=0, count=500))
    save_tokenizer(trained, tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert len(loaded) == VOCABULARY_SIZE == len(TOKENIZER)
    assert loaded("Tom has 12.")["input_ids"] == trained("Tom has 12.")["input_ids"]
    assert loaded.chat_template == trained.chat_template
