"""Bodies that are large, or have a great many of something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools.benchmarks.abuse.abuser import CHAT, COMPLETIONS, PROMPT, TURN, Case, sends

RESPONSES, MESSAGES = "/v1/responses", "/v1/messages"
RENDER, EMBEDDINGS = "/v1/chat/completions/render", "/v1/embeddings"
_LONG = "a b " * 3_900_000
_ZEROS = b'{"model":"demo","messages":[' + b"0," * 8_000_000 + b"0]}"
_KEYS = b'{"model":"demo",' + b",".join(b'"k%d":1' % i for i in range(300_000)) + b"}"
_DEEP = b'{"model":"demo","messages":' + b"[" * 8_000_000
_STRING = b'{"model":"demo","prompt":"' + b"\\u00e4" * 2_700_000
_CALL = {"type": "function", "function": {"name": "f", "arguments": "{}"}, "id": "c"}


def _chat(messages: list[Any], **more: object) -> dict[str, object]:
    return {"model": "demo", "messages": messages, "max_tokens": 1, **more}


def _tools(count: int, description: str) -> list[dict[str, Any]]:
    return [
        {"type": "function", "function": {"name": f"f{number}", "description": description}}
        for number in range(count)
    ]


_LARGE_TOOLS = _tools(128, "a b " * 25_000)

LARGE_BODIES: Mapping[str, Case] = {
    "16 MB of zeros as messages": sends(CHAT, _ZEROS),
    "300,000 unknown fields": sends(COMPLETIONS, _KEYS),
    "8 million brackets": sends(CHAT, _DEEP),
    "a text of escapes without an end": sends(COMPLETIONS, _STRING),
    "100,000 wrong parts": sends(CHAT, _chat([{**TURN, "content": [{"type": "x"}] * 100_000}])),
    "8,000 parts": sends(
        CHAT, _chat([{**TURN, "content": [{"type": "text", "text": "a"}] * 8000}])
    ),
    "8,000 messages, twice": sends(CHAT, _chat([TURN] * 8000), 2),
    "8,000 messages to render, twice": sends(RENDER, _chat([TURN] * 8000), 2),
    "8,000 messages to /v1/messages, twice": sends(MESSAGES, _chat([TURN] * 8000), 2),
    "8,000 messages to count": sends(
        MESSAGES + "/count_tokens", {"model": "demo", "messages": [TURN] * 8000}
    ),
    "8,000 items to /v1/responses, twice": sends(
        RESPONSES, {"model": "demo", "input": [TURN] * 8000}, 2
    ),
    "8,000 calls in a row to /v1/responses": sends(
        RESPONSES,
        {
            "model": "demo",
            "input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]
            * 8000,
        },
    ),
    "8,000 calls in a message": sends(
        CHAT, _chat([TURN, {"role": "assistant", "tool_calls": [_CALL] * 8000}])
    ),
    "text of 15 MB, four times": sends(COMPLETIONS, {**PROMPT, "prompt": _LONG}, 4),
    "conversation of 15 MB": sends(CHAT, _chat([{**TURN, "content": _LONG}])),
    "15 MB to /v1/responses": sends(RESPONSES, {"model": "demo", "input": _LONG}),
    "15 MB of instructions": sends(
        RESPONSES, {"model": "demo", "input": "a", "instructions": _LONG}
    ),
    "15 MB to /v1/messages": sends(MESSAGES, _chat([{**TURN, "content": _LONG}])),
    "15 MB to render": sends(RENDER, _chat([{**TURN, "content": _LONG}])),
    "15 MB to embed": sends(EMBEDDINGS, {"model": "demo", "input": _LONG}),
    "2,048 texts of 7,000 to embed": sends(
        EMBEDDINGS, {"model": "demo", "input": ["a b " * 1750] * 2048}
    ),
    "a model's name of 15 MB": sends(COMPLETIONS, {**PROMPT, "model": _LONG}),
    "a cache salt of 15 MB, n=128": sends(COMPLETIONS, {**PROMPT, "cache_salt": _LONG, "n": 128}),
    "a user of 15 MB": sends(COMPLETIONS, {**PROMPT, "user": _LONG}),
    "metadata of 15 MB": sends(MESSAGES, _chat([TURN], metadata={"user_id": _LONG})),
    "100,000 labels": sends(
        RESPONSES,
        {"model": "demo", "input": "a", "metadata": {f"k{i}": "v" for i in range(100_000)}},
    ),
    "40,000 variables of the template": sends(
        CHAT, _chat([TURN], chat_template_kwargs={f"k{i}": [] for i in range(40_000)})
    ),
    "a variable of 15 MB": sends(CHAT, _chat([TURN], chat_template_kwargs={"a": _LONG})),
    "a name and a call id of 7 MB": sends(
        CHAT, _chat([{**TURN, "name": "n" * 7_000_000, "tool_call_id": "n" * 7_000_000}])
    ),
    "128 tools of 100 KB": sends(CHAT, _chat([TURN], tools=_LARGE_TOOLS)),
    "128 tools of 100 KB to /v1/responses, twice": sends(
        RESPONSES,
        {
            "model": "demo",
            "input": "a",
            "max_output_tokens": 2,
            "stream": True,
            "tools": [{**tool["function"], "type": "function"} for tool in _LARGE_TOOLS],
        },
        2,
    ),
    "10,000 tools": sends(CHAT, _chat([TURN], tools=_tools(10_000, "a"))),
    "/tokenize of 4 MB with strings": sends(
        "/tokenize", {"prompt": "a b " * 1_000_000, "return_token_strs": True}
    ),
    "/tokenize of 8,000 messages": sends("/tokenize", {"messages": [TURN] * 8000}),
    "/detokenize of 700,000 tokens": sends("/detokenize", {"tokens": [300] * 700_000}),
    "a prompt of 900,000 tokens": sends(COMPLETIONS, {**PROMPT, "prompt": [300] * 900_000}),
    "2,048 prompts of 400 tokens": sends(COMPLETIONS, {**PROMPT, "prompt": [[300] * 400] * 2048}),
    "an adapter's path of 15 MB": sends(
        "/v1/load_lora_adapter", {"lora_name": "a", "lora_path": "/" * 15_000_000}
    ),
}
