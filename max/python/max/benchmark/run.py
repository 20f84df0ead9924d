"""One run: ask the server what it serves, warm it up, measure it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec
import uvloop

from max.benchmark.arrivals import arrivals
from max.benchmark.body import request_body
from max.benchmark.client.client import Client, Server
from max.benchmark.load_generator import LoadGenerator
from max.benchmark.machine import describe_machine
from max.benchmark.progress import Progress
from max.benchmark.records import RequestRecord
from max.benchmark.result import ClientCost, Result
from max.benchmark.settings import Settings
from max.benchmark.statistics import summarize, summarize_by_label
from max.benchmark.workload.conversation import Conversation
from max.benchmark.workload.make import Workload

# The warm-up's prompts are drawn from another seed: the server must not know the measured ones.
_WARMUP_SEED_OFFSET = 2**32


def run_benchmark(
    settings: Settings, api_key: str | None = None, *, show_progress: bool = True
) -> Result:
    """Measures a server. Ctrl+C ends it early, with what has been measured.

    Args:
        settings: what to do.
        api_key: sent as a bearer token; it is in no result.
        show_progress: whether a terminal gets a progress bar.

    Raises:
        ValueError: if the settings do not fit together.
        ConnectionError: if the server does not answer, or fails the warm-up.
    """
    settings.check()
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    client = Client(Server.parse(settings.base_url), headers, settings.request_timeout)

    async def run() -> Result:
        try:
            return await _run(settings, client, show_progress)
        finally:
            client.close()

    return uvloop.run(run())


@dataclass(frozen=True)
class _Measured:
    records: list[RequestRecord]
    is_complete: bool
    cpu_seconds: float


async def _run(settings: Settings, client: Client, show_progress: bool) -> Result:
    model = settings.model or await _served_model(client)
    tokenizer = settings.tokenizer or _local_tokenizer(model)
    workload = Workload(settings, tokenizer)
    conversations = workload.conversations(None, settings.seed)
    machine = describe_machine()
    await _warm_up(settings, client, model, workload)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    measured = await _measure(settings, client, model, conversations, show_progress)
    counted = _counted(settings, measured.records)
    summary = summarize(counted)
    chunks = sum(len(record.chunk_times) for record in measured.records)
    return Result(
        started=started,
        settings=msgspec.structs.replace(settings, model=model, tokenizer=tokenizer),
        machine=machine,
        client=ClientCost(
            cpu_seconds=measured.cpu_seconds,
            cores=measured.cpu_seconds / summary.duration if summary.duration else 0.0,
            microseconds_per_chunk=measured.cpu_seconds / max(1, chunks) * 1e6,
        ),
        interrupted=not measured.is_complete,
        summary=summary,
        by_label=summarize_by_label(counted),
        requests=measured.records,
    )


async def _measure(
    settings: Settings,
    client: Client,
    model: str,
    conversations: list[Conversation],
    show_progress: bool,
) -> _Measured:
    rate = settings.request_rate or float("inf")
    starts = arrivals(len(conversations), rate, settings.seed, settings.burstiness)
    total = sum(len(conversation.turns) for conversation in conversations)
    progress = Progress(client, total, shown=show_progress)
    load = LoadGenerator(
        client,
        settings.path,
        partial(request_body, settings, model),
        settings.max_concurrency,
        on_end=progress.ended,
    )
    cpu_before = time.process_time()
    async with progress:
        async with asyncio.timeout(settings.max_duration) as limit:
            is_complete = await load.run(conversations, starts)
    cpu_seconds = time.process_time() - cpu_before
    return _Measured(load.records(), is_complete or limit.expired(), cpu_seconds)


def _counted(settings: Settings, records: list[RequestRecord]) -> list[RequestRecord]:
    """The requests that the numbers are of."""
    last = len(records) - settings.skip_last
    counted = records[settings.skip_first : max(0, last)]
    return [r for r in counted if r.turn or not settings.skip_first_turns]


async def _warm_up(settings: Settings, client: Client, model: str, workload: Workload) -> None:
    if settings.num_warmups == 0:
        return
    made = workload.conversations(settings.num_warmups, settings.seed + _WARMUP_SEED_OFFSET)
    first_turns = [replace(c, turns=c.turns[:1], arrival=None) for c in made]
    load = LoadGenerator(
        client, settings.path, partial(request_body, settings, model), settings.max_concurrency
    )
    if not await load.run(first_turns, [0.0] * len(first_turns)):
        raise KeyboardInterrupt
    for record in load.records():
        if record.failure is not None:
            kind, message = record.failure.kind, record.failure.message
            raise ConnectionError(f"the warm-up request failed: {kind}: {message}")


async def _served_model(client: Client) -> str:
    exchange = await client.get("/v1/models")
    address = f"http{'s' * client.server.tls}://{client.server.host}:{client.server.port}"
    if exchange.failure is not None:
        raise ConnectionError(
            f"no server answers at {address} ({exchange.failure.message}): start one "
            "(max serve --model ...), or give its address as --base-url"
        )
    try:
        if exchange.status != 200:
            raise ValueError(f"HTTP {exchange.status}")
        return str(msgspec.json.decode(exchange.body())["data"][0]["id"])
    except (ValueError, LookupError, TypeError) as error:
        raise ConnectionError(
            f"{address}/v1/models does not name a model ({error}): give its name as --model"
        ) from error


def _local_tokenizer(model: str) -> str | None:
    return model if model == "demo" or Path(model).is_dir() else None
