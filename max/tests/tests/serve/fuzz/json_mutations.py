"""Bodies that are nearly right: JSON with something changed, bytes with something broken."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.serve.scripted_model import MODEL_NAME


class Raw(str):
    """Text that goes into a body as it is, JSON or not."""


MESSAGES = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "greet"}]
BODIES: list[tuple[str, dict[str, Any]]] = [
    ("/v1/chat/completions", {"model": MODEL_NAME, "messages": MESSAGES}),
    (
        "/v1/chat/completions",
        {
            "model": MODEL_NAME,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "greet"}]}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_completion_tokens": 5,
            "temperature": 0.7,
            "top_p": 0.9,
            "seed": 1,
            "stop": ["o", "world"],
            "chat_template_kwargs": {"add_generation_prompt": True},
            "logprobs": False,
            "tools": [],
        },
    ),
    (
        "/v1/completions",
        {
            "model": MODEL_NAME,
            "prompt": ["greet", [1, 2, 3]],
            "n": 2,
            "max_tokens": 4,
            "logit_bias": {"5": 1.5},
            "stop_token_ids": [7],
            "frequency_penalty": 0.5,
            "presence_penalty": -0.5,
            "repetition_penalty": 1.1,
            "min_p": 0.1,
            "top_k": 5,
            "echo": False,
            "user": "me",
        },
    ),
    ("/v1/completions", {"model": MODEL_NAME, "prompt": "Hello", "stream": True, "min_tokens": 2}),
    ("/v1/chat/completions/render", {"model": MODEL_NAME, "messages": MESSAGES, "top_k": 3}),
    ("/tokenize", {"prompt": "Grüße", "return_token_strs": True}),
    ("/tokenize", {"messages": MESSAGES, "add_generation_prompt": False}),
    ("/detokenize", {"tokens": [10, 20, 30]}),
    ("/invocations", {"model": MODEL_NAME, "prompt": "greet", "cache_salt": "s"}),
    ("/invocations", {"model": MODEL_NAME, "messages": MESSAGES, "max_tokens": 3}),
]
KEYS = sorted({key for _, body in BODIES for key in body} | {"image_url", "file", "", "__proto__"})

DEPTH = 5000
STRANGE: list[Any] = [
    *[None, True, False, [], {}, "", " ", "0", "true", "null"],
    *[0, -1, 1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**30],
    *[0.5, -0.0, 1e-320, 1e308, 5.0],
    *map(Raw, ["1e400", "-1e400", "NaN", "-Infinity", "01", "+1", ".5", "'x'", "undefined"]),
    *map(Raw, ["9" * 5000, "[" * DEPTH + "]" * DEPTH, '{"a":' * DEPTH + "1" + "}" * DEPTH]),
    *map(Raw, ["[" * 150 + "]" * 150, '"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '"\\x"', '"']),
    *["\x00", "\x7f\x80\u2028", "😀" * 50, "a" * 2000, "\ufeffx", "\N{REPLACEMENT CHARACTER}"],
    *[
        "{{ 7 * 7 }}",
        "{% for i in range(10 ** 9) %}x{% endfor %}",
        "</s>",
        "%s%n",
        "../../etc/passwd",
    ],
    *["file:///etc/passwd", "http://169.254.169.254/latest/meta-data", "'; DROP TABLE users; --"],
    *[[None], [[]], [1] * 500, ["x"] * 200, [1, "x"], {"a": 1}, {"type": "text"}, {"": ""}],
    {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}},
    {str(n): n for n in range(200)},
]

# Values that a field may have, at its limits or in strange company.
PLAUSIBLE: dict[str, list[Any]] = {
    "temperature": [0, 2, 1e-300, 5e-324],
    "top_p": [1, 1e-300, 0.5],
    "top_k": [-1, 0, 1, 2**31 - 1],
    "min_p": [0, 1],
    "seed": [0, -(2**63), 2**63 - 1],
    "frequency_penalty": [-2, 2],
    "repetition_penalty": [1e-300, 1e300, 1],
    "n": [1, 2, 128],
    "max_tokens": [1, 1000, 2**31 - 1],
    "min_tokens": [0, 1, 1000],
    "ignore_eos": [True, False],
    "stop": ["\x00", "😀", ["a"] * 16, "a" * 1000, " "],
    "stop_token_ids": [[0], list(range(250)), [256], []],
    "logit_bias": [{"0": 100, "256": -100}, {"0": -100}, {}],
    "logprobs": [True, 0, 5, 20],
    "top_logprobs": [0, 20],
    "cache_salt": ["", "\x00", "😀"],
    "stream": [True, False],
    "prompt": [
        "greet",
        "\x00",
        "😀" * 10,
        [0],
        [256],
        [[1], [2]],
        ["greet"] * 20,
        "a" * 1022,
        "a" * 1023,
    ],
    "messages": [[{"role": "user", "content": text}] for text in ("", "\x00", "greet", "a" * 990)],
    "tokens": [[], [0, 256], [255] * 3000, [240, 159, 152]],
    "chat_template_kwargs": [{}, {"x": None}, {"add_generation_prompt": 5}, {"messages": 1}],
}


def encode(value: Any) -> str:
    """JSON, except where a `Raw` says otherwise."""
    match value:
        case Raw():
            return str(value)
        case dict():
            members = (f"{json.dumps(str(key))}:{encode(member)}" for key, member in value.items())
            return "{" + ",".join(members) + "}"
        case list():
            return "[" + ",".join(map(encode, value)) + "]"
        case _:
            return json.dumps(value)


def mutated_body(random: Random) -> tuple[str, bytes]:
    """A path and a body for it, with one to three things changed."""
    path, body = copy.deepcopy(random.choice(BODIES))
    for _ in range(random.choice([1, 1, 2, 3])):
        random.choice(MUTATIONS)(random, body)
    return path, encode(body).encode("utf-8", "surrogatepass")


def damaged_bytes(random: Random, body: bytes) -> bytes:
    """The bytes with one to four places broken, or the end missing."""
    damaged = bytearray(body)
    for _ in range(random.randint(1, 4)):
        place = random.randrange(len(damaged) + 1)
        match random.randrange(5):
            case 0:
                damaged[place : place + 1] = bytes([random.randrange(256)])
            case 1:
                damaged[place:place] = random.randbytes(random.randint(1, 8))
            case 2:
                del damaged[place : place + random.randint(1, 20)]
            case 3:
                damaged[place:place] = damaged[: random.randint(0, 40)]
            case 4:
                del damaged[place:]
    return bytes(damaged)


def _replace(random: Random, body: dict[str, Any]) -> None:
    container, key = _some_place(random, body)
    container[key] = copy.deepcopy(random.choice(STRANGE))


def _vary(random: Random, body: dict[str, Any]) -> None:
    key = random.choice(list(PLAUSIBLE))
    body[key] = copy.deepcopy(random.choice(PLAUSIBLE[key]))


def _vary_own(random: Random, body: dict[str, Any]) -> None:
    if keys := [key for key in PLAUSIBLE if key in body]:
        key = random.choice(keys)
        body[key] = copy.deepcopy(random.choice(PLAUSIBLE[key]))


def _remove(random: Random, body: dict[str, Any]) -> None:
    container, key = _some_place(random, body)
    del container[key]


def _add(random: Random, body: dict[str, Any]) -> None:
    body[random.choice(KEYS)] = copy.deepcopy(random.choice(STRANGE))


def _repeat(random: Random, body: dict[str, Any]) -> None:
    """The same key once more, with another value."""
    key = random.choice(KEYS)
    again = Raw(f"{encode(body.get(key))},{json.dumps(key)}:{encode(random.choice(STRANGE))}")
    body[key] = again


def _borrow(random: Random, body: dict[str, Any]) -> None:
    """A field of another request."""
    other = copy.deepcopy(random.choice(BODIES)[1])
    key = random.choice(list(other))
    body[key] = other[key]


def _wrap(random: Random, body: dict[str, Any]) -> None:
    container, key = _some_place(random, body)
    container[key] = random.choice([[container[key]], {"value": container[key]}])


MUTATIONS: list[Callable[[Random, dict[str, Any]], None]] = [
    _replace,
    _replace,
    _vary,
    _vary,
    _vary_own,
    _vary_own,
    _remove,
    _add,
    _add,
    _repeat,
    _borrow,
    _wrap,
]


def _some_place(random: Random, body: dict[str, Any]) -> tuple[Any, Any]:
    """A container and a key of it, anywhere inside; the body gets one if it is empty."""
    if not body:
        body["model"] = MODEL_NAME
    container: Any = body
    while True:
        keys: list[Any] = (
            list(container) if isinstance(container, dict) else [*range(len(container))]
        )
        key = random.choice(keys)
        inner = container[key]
        if not isinstance(inner, dict | list) or not inner or random.random() < 0.3:
            return container, key
        container = inner
