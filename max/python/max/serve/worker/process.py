"""Main function of the model worker process."""

from __future__ import annotations

import logging
import pickle
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module

import zmq
from tqdm import tqdm

from max.driver.host_reserve import reserve_memory
from max.driver.torch_libraries import quick_module_lookup
from max.pipelines.lib.garbage_collection import no_collection_while_loading
from max.pipelines.scheduling import Scheduler, SchedulerConfig
from max.serve.endpoint_folder import Endpoints
from max.serve.logs import LogSettings
from max.serve.messages import (
    PROTOCOL_VERSION,
    FromWorker,
    Load,
    Loading,
    Ready,
    StartFailed,
)
from max.serve.panics import as_error
from max.serve.thread_errors import watch_threads
from max.serve.transport import send_once, worker_channel
from max.serve.worker.adapter_loader import AdapterLoader, load_all
from max.serve.worker.crash_record import CrashRecord
from max.serve.worker.engine import Engine, WorkerChannel
from max.serve.worker.failure_report import report_failure
from max.serve.worker.interface import AdaptedPipeline, ExpertPipeline, PipelineBuilder
from max.serve.worker.overlapped_engine import OverlappedEngine
from max.serve.worker.parent_watch import exit_with_parent
from max.serve.worker.threads import size_threads
from max.serve.worker.warm_up import warm_up

logger = logging.getLogger(__name__)

# Time for the last messages to reach the API process.
FLUSH_MS = 2000


def run_worker(endpoints: Endpoints, preload: Sequence[str], logs: LogSettings) -> None:
    """Loads the model that `Load` tells and serves it until `Stop` or the API process's end.

    Args:
        endpoints: Where the API process listens and expects us.
        preload: Modules to import while the API process finds the model.
        logs: Where log records go.

    Raises:
        SystemExit: With code 1, after a failure was reported to the API process or logged.
    """
    exit_with_parent(endpoints.folder)
    # The terminal sends CTRL+C to both processes; the API process decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    logs.apply()
    watch_threads(end_process=True)
    # Or progress bars share a lock between processes, which a killed worker leaves behind.
    tqdm.set_lock(threading.RLock())
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    channel = worker_channel(context, endpoints)
    try:
        with no_collection_while_loading(), quick_module_lookup():
            engine = start_engine(
                channel,
                preload,
                CrashRecord(endpoints.folder),
                partial(send_once, context, endpoints),
            )
        if engine is None:
            raise SystemExit(1)
        engine.run()
    except BaseException as raised:
        logger.error("The model worker ends", exc_info=as_error(raised))
        raise SystemExit(1) from None
    finally:
        channel.close(flush_ms=FLUSH_MS)
        context.term()


def start_engine(
    channel: WorkerChannel,
    preload: Sequence[str],
    crash_record: CrashRecord,
    send_from_thread: Callable[[FromWorker], None],
) -> Engine | None:
    """Waits for `Load`, builds the pipeline and says `Ready`; on failure says why, gives None."""
    try:
        message = _import_until_load(channel, preload)
        build: PipelineBuilder = pickle.loads(message.factory)
        pipeline = build(on_phase=lambda phase: channel.send(Loading(phase)))
        if pipeline.plan is None:
            raise ValueError(f"{type(pipeline).__name__} has no memory plan, which serving needs")
        size_threads(pipeline.pipeline_config.runtime, pipeline.plan)
        limits = SchedulerConfig.of(pipeline.pipeline_config.runtime, pipeline.plan)
        adapters = pipeline.adapters if isinstance(pipeline, AdaptedPipeline) else None
        pool = None if adapters is None else adapters.pool
        scheduler = Scheduler(limits, pipeline.kv_manager, pool)
        channel.send(Loading("warm up"))
        slowest_step_s = warm_up(pipeline, scheduler)
        problems = {} if adapters is None else load_all(adapters, message.adapters)
        loader = None if adapters is None else AdapterLoader(adapters, send_from_thread)
        overlaps = pipeline.pipeline_config.runtime.enable_overlap_scheduler
        kind = OverlappedEngine if overlaps else Engine
        engine = kind(pipeline, scheduler, channel, crash_record, loader)
        if message.counts_experts and isinstance(pipeline, ExpertPipeline):
            engine.report_experts(pipeline.count_experts())
    except BaseException as raised:
        channel.send(StartFailed(report_failure(as_error(raised))))
        return None
    assert limits.max_seq_len is not None, "a plan sets it"
    channel.send(
        Ready(
            protocol_version=PROTOCOL_VERSION,
            max_model_len=limits.max_seq_len,
            max_batch_size=limits.max_batch_size,
            num_kv_pages=pipeline.kv_manager.total_num_pages,
            slowest_step_s=slowest_step_s,
            adapter_problems=problems,
        )
    )
    return engine


def _import_until_load(channel: WorkerChannel, preload: Sequence[str]) -> Load:
    """Imports modules and waits for `Load`, whose weights' memory is taken at the same time."""

    def receive() -> Load:
        message = channel.receive()
        assert isinstance(message, Load), f"the first message is Load, not {message!r}"
        reserve_memory(message.weights_bytes)
        return message

    with ThreadPoolExecutor(1, thread_name_prefix="wait-for-load") as waiting:
        message = waiting.submit(receive)
        for module in preload:
            import_module(module)
        return message.result()
