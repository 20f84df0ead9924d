"""Requests of many kinds for tests under load, and clients that may leave early."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.serve.server_process import ServerProcess

# A pause, a restart of the worker included, is shorter than that.
LONGEST_PAUSE_S = 120.0

_QUESTION = "Tom has {} apples and buys {} more. How many apples does Tom have?"


@dataclass(frozen=True)
class Ask:
    """One request and, if its client leaves early, after how many characters."""

    body: dict[str, Any]
    leaves_after: int | None = None


def make_asks(count: int, seed: int, *, leaving: float) -> list[Ask]:
    """Requests of mixed lengths and samplings; some share the beginning of their prompts.

    Args:
        count: How many.
        seed: Decides everything about them.
        leaving: Share of the clients that leave before the end.
    """
    choose = random.Random(seed)
    return [_make_ask(choose, leaving) for _ in range(count)]


def _make_ask(choose: random.Random, leaving: float) -> Ask:
    question = _QUESTION.format(choose.randint(1, 9), choose.randint(1, 9))
    body: dict[str, Any] = {
        "model": "demo",
        "prompt": question * choose.choice([1, 1, 2, 8]),
        "max_tokens": choose.choice([8, 60, 200, 400]),
        "ignore_eos": True,
        "stream": True,
    }
    if choose.random() < 0.5:
        body["temperature"] = 0
    else:
        body |= {"seed": choose.randrange(2**32), "temperature": choose.choice([0.7, 1.2])}
        body |= choose.choice([{}, {"top_p": 0.9}, {"frequency_penalty": 0.8}, {"top_k": 20}])
    if choose.random() < 0.25:
        body["n"] = 2
    if choose.random() < 0.25:
        body |= {"ignore_eos": False, "min_tokens": choose.choice([0, 30])}
        body["max_tokens"] = max(body["max_tokens"], 60)
    return Ask(body, choose.randint(0, 40) if choose.random() < leaving else None)


def texts_of(
    server: ServerProcess, ask: Ask, on_text: Callable[[str], None] = lambda text: None
) -> list[str] | None:
    """The choices' texts as they were streamed; None for a client that left.

    Args:
        server: Of the demo model.
        ask: What to send.
        on_text: Called with each piece of text.

    Raises:
        AssertionError: The stream did not end as it should.
    """
    texts = [""] * ask.body.get("n", 1)
    ended = False
    with server.client.stream(
        "POST", "/v1/completions", json=ask.body, timeout=LONGEST_PAUSE_S
    ) as response:
        assert response.status_code == 200, response.read()
        for data in _events(response):
            if data == "[DONE]":
                ended = True
                continue
            chunk = json.loads(data)
            assert "error" not in chunk, chunk
            for choice in chunk["choices"]:
                texts[choice["index"]] += choice["text"]
                on_text(choice["text"])
            if ask.leaves_after is not None and len(texts[0]) > ask.leaves_after:
                return None
    assert ended, "the stream ended without [DONE]"
    return texts


def _events(response: httpx.Response) -> Iterator[str]:
    for line in response.iter_lines():
        if line.startswith("data: "):
            yield line.removeprefix("data: ")


def gauge(server: ServerProcess, name: str) -> float:
    """The value of a metric without labels."""
    text = server.client.get(server.metrics_url).text
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    assert found, f"{name} is not among the metrics"
    return float(found[1])
