"""Small requests that ask for much: many completions, long ones, tables to be made for each."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from tools.benchmarks.abuse.abuser import (
    CHAT,
    COMPLETIONS,
    PROMPT,
    TURN,
    Abuser,
    Case,
    leaves,
    repeats,
    sends,
)

_BIASES = {str(token): 1.0 for token in range(1000)}
_ENDLESS = {**PROMPT, "max_tokens": 1900, "ignore_eos": True}
_SCORED = {"model": "demo", "messages": [TURN], "logprobs": True, "top_logprobs": 20, "n": 128}


def _unread(path: str, body: Mapping[str, Any], seconds: float = 0.0) -> Case:
    """16 answers of which hardly anything is read."""
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n".encode()

    def run(abuser: Abuser) -> None:
        held = [abuser.connect(head + data) for _ in range(16)]
        time.sleep(seconds)
        if body.get("stream"):
            for connection in held:
                connection.recv(64)
        abuser.post(COMPLETIONS, {**PROMPT, "max_tokens": 40, "ignore_eos": True})
        for connection in held:
            connection.close()

    return run


MUCH_WORK: Mapping[str, Case] = {
    "16 stop strings of 4,000, n=128": sends(
        COMPLETIONS, {**PROMPT, "stop": ["a" * 4000] * 16, "n": 128}
    ),
    "16 stop strings of 4,000, long answers": sends(
        COMPLETIONS, {**PROMPT, "stop": ["a" * 4000] * 16, "n": 16, "max_tokens": 100}
    ),
    "1,000 stop tokens and biases, n=128": sends(
        COMPLETIONS,
        {**PROMPT, "stop_token_ids": list(range(400)), "logit_bias": _BIASES, "n": 128},
    ),
    "penalties and log probabilities, n=128": leaves(
        COMPLETIONS,
        {**_ENDLESS, "n": 128, "logprobs": 20, "frequency_penalty": 1, "logit_bias": _BIASES},
    ),
    "every token ends, min_tokens": sends(
        COMPLETIONS, {**PROMPT, "stop_token_ids": list(range(1000)), "min_tokens": 1}
    ),
    "echo with log probabilities, n=128": sends(
        COMPLETIONS, {**PROMPT, "prompt": "a b " * 500, "echo": True, "logprobs": 5, "n": 128}
    ),
    "log probabilities of long answers, n=128": leaves(CHAT, {**_SCORED, "max_tokens": 500}),
    "2,048 completions": leaves(COMPLETIONS, {**_ENDLESS, "prompt": ["a"] * 2048}),
    "2,048 completions of one token": leaves(COMPLETIONS, {**PROMPT, "prompt": ["a"] * 2048}),
    "n=128, long answers": leaves(COMPLETIONS, {**_ENDLESS, "n": 128}),
    "n=128, long prompts": leaves(COMPLETIONS, {**PROMPT, "prompt": "a b " * 400, "n": 128}),
    "300 long prompts": leaves(
        COMPLETIONS, {**PROMPT, "prompt": [f"{i} " + "a b " * 400 for i in range(300)]}
    ),
    "16 streams that nobody reads": _unread(COMPLETIONS, {**_ENDLESS, "stream": True, "n": 8}),
    "16 streams of log probabilities that nobody reads": _unread(
        CHAT, {**_SCORED, "n": 32, "max_tokens": 1900, "ignore_eos": True, "stream": True}, 10
    ),
    "16 answers of 10 MB that nobody reads": _unread(
        CHAT, {**_SCORED, "max_tokens": 60, "ignore_eos": True}, 15
    ),
    "1,000 biases for 2,048 prompts": sends(
        COMPLETIONS, {**PROMPT, "logit_bias": _BIASES, "prompt": ["a"] * 2048}
    ),
    "1,000 small requests, 16 at once": repeats(COMPLETIONS, PROMPT, 1000),
    "1,000 wrong requests, 16 at once": repeats(CHAT, {"model": "demo"}, 1000),
    "200 stored responses": repeats(
        "/v1/responses", {"model": "demo", "input": "a b " * 300, "max_output_tokens": 1}, 200
    ),
}
