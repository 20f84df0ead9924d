"""Tests of what `EngineClient` tells the metrics and the request's record."""

from __future__ import annotations

import asyncio

from max.pipelines.context import GenerationStatus
from max.serve.engine_client import EngineClient
from max.serve.messages import Report, TokenDelta, Tokens
from max.serve.telemetry.metrics import Metrics
from max.serve.telemetry.request_record import RequestRecord, enter_request
from max.serve.telemetry.worker_stats import BegunRequest, EngineLoad, StepStats, WorkerStats
from tests.serve.fake_worker import Commands, make_contexts, submitted

ACTIVE, ENDED = GenerationStatus.ACTIVE, GenerationStatus.END_OF_SEQUENCE
LOAD = EngineLoad(1, 0, 2, 10)


def make_step(*begun: BegunRequest) -> StepStats:
    return StepStats(1, 2, 2, 0, 1, 0, 0, 0.001, 0.1, 0, 0, list(begun))


def observe(metrics: Metrics, record: RequestRecord, *, last_status: GenerationStatus) -> None:
    """A request that gets two tokens in two steps."""

    async def test() -> None:
        enter_request(record)
        client = EngineClient(metrics=metrics)
        client.connect(Commands(), max_batch_size=8)
        (context,) = make_contexts(1)
        await submitted(client, [context])
        request_id = str(context.request_id)
        first = WorkerStats([make_step(BegunRequest(request_id, 5.0))], LOAD)
        client.handle(Tokens([TokenDelta(request_id, [3], ACTIVE)], first))
        second = WorkerStats([make_step()], LOAD)
        client.handle(Tokens([TokenDelta(request_id, [3], last_status)], second))
        await asyncio.sleep(0)
        if last_status is ACTIVE:
            client.disconnect({}, "it was killed", killed=True)

    asyncio.run(test())


def test_tokens_and_steps_are_measured() -> None:
    metrics, record = Metrics(), RequestRecord()
    observe(metrics, record, last_status=ENDED)

    assert metrics.registry.get_sample_value("maxserve_itl_milliseconds_count") == 1
    assert metrics.registry.get_sample_value("maxserve_batch_size_count") == 2
    assert metrics.registry.get_sample_value("maxserve_num_requests_running") == 1
    assert record.begun == 5.0
    assert record.first_token is not None
    assert record.last_token is not None
    assert record.first_token <= record.last_token


def test_requests_of_a_dead_worker_wait() -> None:
    metrics = Metrics()
    observe(metrics, RequestRecord(), last_status=ACTIVE)

    assert metrics.registry.get_sample_value("maxserve_num_requests_running") == 0
    assert metrics.registry.get_sample_value("maxserve_num_requests_queued") == 1
    assert metrics.registry.get_sample_value("maxserve_cache_num_used_blocks") == 0


def test_report_without_tokens_is_taken() -> None:
    metrics = Metrics()
    client = EngineClient(metrics=metrics)
    client.handle(Report(WorkerStats([make_step()], LOAD)))

    assert metrics.registry.get_sample_value("maxserve_batch_size_count") == 1
    assert metrics.registry.get_sample_value("maxserve_cache_used_kv_pct_percent") == 20
