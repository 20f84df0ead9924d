"""What loading an adapter does to a running stream: the longest gap between its tokens.

    python3 -m tools.benchmarks.adapters.loading --model NAME --adapter DIR

The server is a running one, started with `--enable-lora`. The gaps are told apart: while the
adapter is loaded, while its first request runs, for which it comes into a slot, and at other times.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import time
from pathlib import Path
from typing import NamedTuple

import httpx


class _Span(NamedTuple):
    """When something was done beside the stream."""

    what: str
    begin: float
    end: float


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--model", required=True, help="the base model's name")
    parser.add_argument("--adapter", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=60, help="of the stream, per adapter")
    parser.add_argument("--times", type=int, default=3, help="how often it is loaded")
    given = parser.parse_args()
    print("| the stream's gaps, ms | median | longest |\n| --- | ---: | ---: |")
    for kind, gaps in asyncio.run(_measure(given)).items():
        print(f"| {kind} | {1e3 * statistics.median(gaps):.0f} | {1e3 * max(gaps):.0f} |")


async def _measure(given: argparse.Namespace) -> dict[str, list[float]]:
    times: list[float] = []
    spans: list[_Span] = []
    async with httpx.AsyncClient(base_url=given.url, timeout=600) as client:
        stream = asyncio.create_task(_stream(client, given, times))
        for index in range(given.times):
            await _reach(times, given.tokens * index + given.tokens // 3)
            spans += await _load(client, given.adapter, f"loaded-{index}")
        await stream
    kinds: dict[str, list[float]] = {}
    for before, after in itertools.pairwise(times):
        beside = [span.what for span in spans if span.begin < after and before < span.end]
        kinds.setdefault(beside[0] if beside else "at other times", []).append(after - before)
    for what, begin, end in spans:
        print(f"{what}: {end - begin:.2f} s")
    return kinds


async def _stream(client: httpx.AsyncClient, given: argparse.Namespace, times: list[float]) -> None:
    """Notes when each token comes."""
    body = {
        "model": given.model,
        "prompt": "the of and to in is",
        "max_tokens": given.tokens * given.times,
        "temperature": 0,
        "ignore_eos": True,
        "stream": True,
    }
    async with client.stream("POST", "/v1/completions", json=body) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if line.startswith("data: {"):
                times.append(time.perf_counter())


async def _reach(times: list[float], count: int) -> None:
    while len(times) < count:
        await asyncio.sleep(0.01)


async def _load(client: httpx.AsyncClient, folder: Path, name: str) -> list[_Span]:
    """Loads an adapter under a name that is new, asks it something, and unloads it."""
    times = [time.perf_counter()]
    body = {"lora_name": name, "lora_path": str(folder.resolve())}
    (await client.post("/v1/load_lora_adapter", json=body)).raise_for_status()
    times.append(time.perf_counter())
    asked = {"model": name, "prompt": "the", "max_tokens": 1}
    (await client.post("/v1/completions", json=asked)).raise_for_status()
    times.append(time.perf_counter())
    (await client.post("/v1/unload_lora_adapter", json={"lora_name": name})).raise_for_status()
    kinds = ("while it is loaded", "while its first request runs")
    return [_Span(*each) for each in zip(kinds, times[:-1], times[1:], strict=True)]


if __name__ == "__main__":
    main()
