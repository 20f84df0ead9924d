"""What models write, and what is in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from max.pipelines.parsing.answer import AnswerParser
from max.pipelines.parsing.calls import Tool
from max.pipelines.parsing.events import Arguments, CallBegins, Content, Event, Reasoning
from max.pipelines.parsing.registry import REASONING_FORMATS, TOOL_FORMATS

WEATHER = Tool(
    "get_weather",
    {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer", "minimum": 1, "maximum": 9},
            "hourly": {"type": "boolean"},
        },
        "required": ["city"],
        "additionalProperties": False,
    },
)
CLOCK = Tool("clock")
TOOLS = (WEATHER, CLOCK)


class Found(NamedTuple):
    """What is in an answer."""

    content: str = ""
    calls: Sequence[tuple[str, str]] = ()
    reasoning: str = ""


class Recorded(NamedTuple):
    """An answer in a format of calls."""

    format: str
    text: str
    found: Found
    reasoning: str | None = None
    is_open: bool = False


def merged(events: Sequence[Event]) -> Found:
    """The pieces of an answer put together."""
    content, reasoning, calls = "", "", list[tuple[str, str]]()
    for event in events:
        match event:
            case Content(text):
                content += text
            case Reasoning(text):
                reasoning += text
            case CallBegins(name=name):
                calls.append((name, ""))
            case Arguments(text):
                name, so_far = calls[-1]
                calls[-1] = (name, so_far + text)
    return Found(content, tuple(calls), reasoning)


def make_parser(recorded: Recorded) -> AnswerParser:
    reasoning = REASONING_FORMATS[recorded.reasoning] if recorded.reasoning else None
    return AnswerParser(reasoning, TOOL_FORMATS[recorded.format], TOOLS, is_open=recorded.is_open)


def parse(recorded: Recorded, pieces: Sequence[str]) -> Found:
    """What is found when the text comes in these pieces."""
    parser = make_parser(recorded)
    events = [event for piece in pieces for event in parser.push(piece)]
    return merged([*events, *parser.finish()])


def arguments(**given: Any) -> str:
    return json.dumps(given, ensure_ascii=False)


PARIS = arguments(city="Paris", days=3)
BERLIN = arguments(city='Köln "am" Rhein')
BOTH = (("get_weather", PARIS), ("clock", "{}"))
BAR, SPACE = "\uff5c", "\u2581"


def deepseek(text: str) -> str:
    """ASCII bars and spaces of tags as DeepSeek's."""
    for name in ("calls begin", "calls end", "call begin", "call end"):
        text = text.replace(f"<|tool {name}|>", f"<|tool {name}|>".replace(" ", SPACE))
    return text.replace("<|tool sep|>", f"<|tool{SPACE}sep|>").replace("|", BAR)


RECORDED = [
    Recorded(
        "hermes",
        f'Let me look.\n<tool_call>\n{{"name": "get_weather", "arguments": {PARIS}}}\n</tool_call>'
        "\n"
        '<tool_call>\n{"arguments": {}, "name": "clock"}\n</tool_call>',
        Found("Let me look.\n", BOTH),
    ),
    Recorded("hermes", "2 < 3 and <tool> is none", Found("2 < 3 and <tool> is none")),
    Recorded("hermes", "See <tool_call> there", Found("See <tool_call> there")),
    # The last closing tag is an end token for some models.
    Recorded(
        "hermes",
        f'<tool_call>{{"name": "get_weather", "arguments": {BERLIN}}}',
        Found("", (("get_weather", BERLIN),)),
    ),
    Recorded(
        "llama",
        f'{{"name": "get_weather", "parameters": {PARIS}}}; '
        '{"name": "clock", "parameters": {}}',
        Found("", BOTH),
    ),
    Recorded(
        "llama",
        f'<|python_tag|>{{"name": "get_weather", "arguments": {PARIS}}}',
        Found("", (("get_weather", PARIS),)),
    ),
    Recorded("llama", '{"answer": [1, 2]}', Found('{"answer": [1, 2]}')),
    Recorded("llama", '{"name": "other"}', Found('{"name": "other"}')),
    Recorded("llama", "Plain text {", Found("Plain text {")),
    Recorded(
        "mistral",
        f"Yes.[TOOL_CALLS]get_weather[ARGS]{PARIS}[TOOL_CALLS]clock[ARGS]{{}}",
        Found("Yes.", BOTH),
    ),
    Recorded(
        "mistral_list",
        f'[TOOL_CALLS] [{{"name": "get_weather", "arguments": {PARIS}}},'
        ' {"name": "clock", "arguments": {}}]',
        Found("", BOTH),
    ),
    Recorded(
        "deepseekv3",
        deepseek(
            "I will.<|tool calls begin|><|tool call begin|>function<|tool sep|>get_weather"
            f"\n```json\n{PARIS}\n```<|tool call end|>\n"
            "<|tool call begin|>function<|tool sep|>clock\n```json\n"
            "{}\n```<|tool call end|><|tool calls end|>"
        ),
        Found("I will.", BOTH),
    ),
    Recorded(
        "deepseekv3_1",
        deepseek(
            f"<|tool calls begin|><|tool call begin|>get_weather<|tool sep|>{PARIS}"
            "<|tool call end|>"
            "<|tool call begin|>clock<|tool sep|>{}<|tool call end|><|tool calls end|>"
        ),
        Found("", BOTH),
    ),
    Recorded(
        "kimik2_5",
        "Ok<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0"
        f"<|tool_call_argument_begin|>{PARIS}<|tool_call_end|><|tool_call_begin|>functions.clock:1"
        "<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>",
        Found("Ok", BOTH),
    ),
    Recorded(
        "qwen3_5",
        "Now:\n<tool_call>\n<function=get_weather>\n<parameter=city>\n5\n</parameter>\n"
        "<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>\n"
        "<tool_call>\n<function=clock>\n</function>\n</tool_call>",
        Found("Now:\n", (("get_weather", arguments(city="5", days=3)), ("clock", "{}"))),
    ),
    Recorded(
        "minimax_m2",
        '<minimax:tool_call>\n<invoke name="get_weather">\n'
        '<parameter name="city">Paris</parameter>\n'
        '<parameter name="days">3</parameter>\n</invoke>\n<invoke name="clock">\n</invoke>\n'
        "</minimax:tool_call>",
        Found("", BOTH),
    ),
    Recorded(
        "gemma4",
        '<|tool_call>call:get_weather{city:<|"|>New "York", {NY}<|"|>,days:3,hourly:true}'
        "<tool_call|><|tool_call>call:clock{}<tool_call|>",
        Found(
            calls=(
                ("get_weather", r'{"city": "New \"York\", {NY}", "days": 3, "hourly": true}'),
                ("clock", "{}"),
            )
        ),
    ),
    Recorded(
        "gemma4",
        "<|channel>thought\nHm.<channel|>I look.<|tool_call>call:f{"
        'at:{x:1.5,y:[<|"|>a<|"|>,{}]},<|"|>quoted key<|"|>: "json" , none:null}<tool_call|>',
        Found(
            "I look.",
            (("f", '{"at": {"x": 1.5, "y": ["a", {}]}, "quoted key": "json", "none": null}'),),
            "Hm.",
        ),
        reasoning="gemma4",
    ),
    Recorded("gemma4", "<|tool_call>nothing", Found("<|tool_call>nothing")),
    Recorded("gemma4", "<|tool_call>call:f{a:[1<tool_call|>!", Found("!", (("f", '{"a": [1]}'),))),
    Recorded(
        "pythonic",
        '[get_weather(city="Paris", days=3), clock()]',
        Found("", BOTH),
    ),
    Recorded("pythonic", "[1, 2] is a list", Found("[1, 2] is a list")),
    Recorded("pythonic", "[open(x)]", Found("[open(x)]")),
    Recorded(
        "olmo3",
        'Ok.<function_calls>\nget_weather(city="Paris", days=3)\nclock()\n</function_calls>',
        Found("Ok.", BOTH),
    ),
    Recorded(
        "harmony",
        "<|channel|>analysis<|message|>Need the weather.<|end|><|start|>assistant"
        f"<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{PARIS}",
        Found("", (("get_weather", PARIS),), "Need the weather."),
    ),
    Recorded(
        "harmony",
        " to=functions.get_weather<|channel|>commentary <|constrain|>json"
        f"<|message|>{PARIS}<|call|>",
        Found("", (("get_weather", PARIS),)),
    ),
    Recorded(
        "harmony",
        "<|channel|>analysis<|message|>Easy.<|end|><|start|>assistant<|channel|>final<|message|>4",
        Found("4", (), "Easy."),
    ),
    Recorded(
        "hermes",
        '<think>\nHm <tool_call>?</think>\n\nOk <tool_call>{"name": "clock"}</tool_call>',
        Found("Ok ", (("clock", "{}"),), "Hm <tool_call>?"),
        "think",
    ),
    Recorded("hermes", "Hm.</think>4", Found("4", (), "Hm."), "think", True),
    Recorded("hermes", "Never closed", Found("", (), "Never closed"), "think", True),
    Recorded("hermes", "No thought <think>", Found("No thought <think>"), "think"),
    Recorded("hermes", "[THINK]Hm.[/THINK]4", Found("4", (), "Hm."), "mistral"),
]
