"""Small requests that ask for much: many completions, long ones, tables to be made for each."""

from __future__ import annotations

from collections.abc import Mapping

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


def _unread(abuser: Abuser) -> None:
    """Streams of which nothing is read."""
    body = b'{"model":"demo","prompt":"a","max_tokens":1900,"ignore_eos":true,"stream":true,"n":8}'
    head = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    held = [abuser.connect(head + body) for _ in range(16)]
    for connection in held:
        connection.recv(64)
    abuser.post(COMPLETIONS, {**PROMPT, "max_tokens": 40, "ignore_eos": True})
    for connection in held:
        connection.close()


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
    "16 streams that nobody reads": _unread,
    "1,000 small requests, 16 at once": repeats(COMPLETIONS, PROMPT, 1000),
    "1,000 wrong requests, 16 at once": repeats(CHAT, {"model": "demo"}, 1000),
    "200 stored responses": repeats(
        "/v1/responses", {"model": "demo", "input": "a b " * 300, "max_output_tokens": 1}, 200
    ),
}
