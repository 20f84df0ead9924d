"""Every format finds what is in an answer, however it is cut into pieces."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from max.pipelines.parsing.answer import AnswerParser
from max.pipelines.parsing.registry import TOOL_FORMATS, formats_for
from tests.pipelines.parsing.recorded import (
    RECORDED,
    TOOLS,
    Found,
    Recorded,
    make_parser,
    merged,
    parse,
)

EACH = pytest.mark.parametrize("recorded", RECORDED, ids=lambda r: f"{r.format} {r.text[:20]!r}")
SOUP = st.lists(
    st.sampled_from(
        [tag for f in TOOL_FORMATS.values() for tag in (*f.tags, f.begin or "")]
        + [
            "get_weather",
            '{"name": "clock"',
            ', "arguments": ',
            "{}",
            "}",
            "[",
            "(",
            '"',
            "\\",
            "\n",
        ]
        + [
            "call:f{",
            "a:",
            ",",
            "]",
            "<|channel>",
            "<function=",
            "<parameter=a>",
            "</parameter>",
            "analysis",
            "<|message|>",
            "text",
            "<",
        ]
    ),
    max_size=14,
).map("".join)


@EACH
def test_a_whole_answer(recorded: Recorded) -> None:
    assert parse(recorded, [recorded.text]) == recorded.found


@EACH
def test_character_by_character(recorded: Recorded) -> None:
    assert parse(recorded, list(recorded.text)) == recorded.found


@EACH
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_in_any_pieces(recorded: Recorded, seed: int) -> None:
    assert parse(recorded, cut(recorded.text, seed)) == recorded.found


@EACH
def test_arguments_come_before_the_call_is_complete(recorded: Recorded) -> None:
    """Of the formats that write JSON: what is certain is not held back."""
    if recorded.format not in ("hermes", "mistral", "kimik2_5", "deepseekv3_1"):
        return
    if not recorded.found.calls or '"Paris' not in recorded.text:
        return
    parser = make_parser(recorded)
    early = merged(parser.push(recorded.text[: recorded.text.index('"Paris') + 3]))

    assert early.calls[-1] == ("get_weather", '{"city": "Pa')


@pytest.mark.parametrize("name", TOOL_FORMATS)
@settings(max_examples=30)
@given(text=SOUP, seed=st.integers(0, 2**32))
def test_nonsense_is_read_too_and_the_same_in_any_pieces(name: str, text: str, seed: int) -> None:
    recorded = Recorded(name, text, Found())

    assert parse(recorded, cut(text, seed)) == parse(recorded, [text])


@EACH
def test_a_cut_answer_has_no_more_calls(recorded: Recorded) -> None:
    for end in range(len(recorded.text)):
        found = parse(recorded, [recorded.text[:end]])
        assert len(found.calls) <= len(recorded.found.calls)


def cut(text: str, seed: int) -> list[str]:
    """The text in pieces of random lengths."""
    chance, pieces = random.Random(seed), []
    while text:
        length = chance.choice([1, 1, 2, 3, 8, 30])
        pieces.append(text[:length])
        text = text[length:]
    return pieces


@pytest.mark.parametrize(
    ("template", "tools", "reasoning"),
    [
        ("{{ messages }}", "llama", None),
        ('<tool_call>\n{"name": <function-name>', "hermes", None),
        ("<tool_call> <function=example>", "qwen3_5", None),
        ("<tool_call> ... </think>", "hermes", "<think>"),
        ("[TOOL_CALLS]{{ name }}[ARGS]", "mistral", None),
        ("[TOOL_CALLS] [{{", "mistral_list", None),
        ("<\uff5ctool\u2581calls\u2581begin\uff5c> ```json", "deepseekv3", None),
        ("<\uff5ctool\u2581calls\u2581begin\uff5c> </think>", "deepseekv3_1", "<think>"),
        ("<|tool_calls_section_begin|>", "kimik2_5", None),
        ("<minimax:tool_call> </think>", "minimax_m2", "<think>"),
        ("[func_name1(params_name1=params_value1)]", "pythonic", None),
        ("<function_calls>", "olmo3", None),
        ("<|tool_call>call: <tool_call|> <|channel>thought\n<channel|>", "gemma4", "<|channel>"),
        ("<|start|>assistant<|channel|>final<|message|>", "harmony", None),
    ],
)
def test_templates_show_their_formats(template: str, tools: str, reasoning: str | None) -> None:
    formats = formats_for(template)

    assert formats.tools is TOOL_FORMATS[tools]
    assert (formats.reasoning and formats.reasoning.begin) == reasoning
    assert formats.in_channels == (tools == "harmony")


def test_flags_win_over_templates() -> None:
    formats = formats_for("<tool_call> </think>", "llama", "none")

    assert formats.tools is TOOL_FORMATS["llama"]
    assert formats.reasoning is None
    assert formats_for("<tool_call>", "none").tools is None
    assert formats_for("", "none").parser(TOOLS, "") is None


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"tool_parser": "x"}, r"Unknown tool parser: 'x'. Available: \['deepseekv3', "),
        ({"reasoning_parser": "x"}, r"Unknown reasoning parser: 'x'. Available: \['gemma4', "),
    ],
)
def test_unknown_names_are_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        formats_for("", **given)


@pytest.mark.parametrize(
    ("prompt", "is_open"),
    [
        ("...assistant\n<think>\n", True),
        ("...assistant\n<think>\n\n</think>\n\n", False),
        ("user: what is <think>?\nassistant\n", False),
    ],
)
def test_the_prompts_end_says_whether_reasoning_is_open(prompt: str, is_open: bool) -> None:
    parser = formats_for("</think>").parser((), prompt)

    assert isinstance(parser, AnswerParser)
    assert parser.is_reasoning is is_open


def test_arguments_are_what_the_model_wrote() -> None:
    """Not written anew: streamed pieces and whole text are of the same letters."""
    odd = '{ "city" :"Paris",\n "days":3.0e0 }'
    recorded = Recorded(
        "hermes", f'<tool_call>{{"name": "get_weather", "arguments":{odd}}}', Found()
    )

    assert parse(recorded, list(recorded.text)).calls == (("get_weather", odd),)
    assert json.loads(odd)
