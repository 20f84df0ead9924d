"""Tokens per second of a running server: of the base model, and of several adapters.

    python3 -m tools.benchmarks.adapters.speed --url http://127.0.0.1:8000 --model NAME a0 a1 ...

Rounds of the base model and of the adapters take turns; each sends as many requests as there are
streams, all at once. A request names its adapter as its model; with `--by-number`, as llama-server
wants it, by its number among those that the server was started with.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import httpx

_WORDS = ("the", "of", "and", "to", "in", "is", "was", "for", "on", "that", "with", "as", "his")


class Load(NamedTuple):
    """What is sent.

    Attributes:
        model: the base model's name.
        adapters: the adapters' names.
        by_number: whether a request names its adapter by its number.
        streams: requests at once.
        prompt: words of a prompt.
        answer: tokens of an answer.
        rounds: of the base and of the adapters each.
    """

    model: str
    adapters: Sequence[str] = ()
    by_number: bool = False
    streams: int = 16
    prompt: int = 16
    answer: int = 32
    rounds: int = 3


def main() -> None:
    """Measures, and prints two rows of a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("adapters", nargs="*")
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--model", required=True, help="the base model's name")
    parser.add_argument("--by-number", action="store_true")
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--prompt", type=int, default=16, help="words of a prompt")
    parser.add_argument("--answer", type=int, default=32, help="tokens of an answer")
    parser.add_argument("--rounds", type=int, default=3)
    given = vars(parser.parse_args())
    for kind, found in measure(given.pop("url"), Load(**given)).items():
        spread = f"{min(found):.1f} to {max(found):.1f}"
        print(f"| {kind} | {statistics.median(found):.1f} ({spread}) |")


def measure(url: str, load: Load) -> dict[str, list[float]]:
    """Tokens per second of each round: of the base model, and of the adapters.

    Args:
        url: of the server.
        load: what it is sent.
    """
    return asyncio.run(_measure(url, load))


async def _measure(url: str, load: Load) -> dict[str, list[float]]:
    base, mixed = f"{load.streams} of the base", f"{load.streams} of {len(load.adapters)} adapters"
    names: dict[str, Sequence[str]] = {base: [load.model], mixed: load.adapters}
    rates: dict[str, list[float]] = {kind: [] for kind in names if names[kind]}
    async with httpx.AsyncClient(base_url=url, timeout=600) as client:
        for round_ in range(load.rounds + 1):
            for kind, found in rates.items():
                rate = await _round(client, names[kind], load, round_)
                if round_:  # The first one records programs and fills slots.
                    found.append(rate)
    return rates


async def _round(client: httpx.AsyncClient, names: Sequence[str], load: Load, seed: int) -> float:
    bodies = [
        _body(load, names, index, random.Random(1000 * seed + index))
        for index in range(load.streams)
    ]
    started = time.perf_counter()
    counts = await asyncio.gather(*(_answer(client, body) for body in bodies))
    return sum(counts) / (time.perf_counter() - started)


def _body(load: Load, names: Sequence[str], index: int, words: random.Random) -> dict[str, Any]:
    number = index % len(names)
    body: dict[str, Any] = {
        "model": names[number],
        "prompt": " ".join(words.choices(_WORDS, k=load.prompt)),
        "max_tokens": load.answer,
        "temperature": 0,
        "ignore_eos": True,
    }
    if load.by_number:
        is_base = names[number] == load.model
        body |= {"lora": [] if is_base else [{"id": number, "scale": 1.0}]}
    return body


async def _answer(client: httpx.AsyncClient, body: dict[str, Any]) -> int:
    response = await client.post("/v1/completions", json=body)
    response.raise_for_status()
    count: int = response.json()["usage"]["completion_tokens"]
    return count


if __name__ == "__main__":
    main()
