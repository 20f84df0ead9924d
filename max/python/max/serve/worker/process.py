"""Main function of the model worker process."""

from __future__ import annotations

import logging
import pickle
import signal
from collections.abc import Callable

import zmq

from max.serve.logs import configure_logging
from max.serve.messages import (
    PROTOCOL_VERSION,
    FromWorker,
    Loading,
    Ready,
    StartFailed,
    ToWorker,
)
from max.serve.scheduler import Scheduler
from max.serve.transport import Channel, Endpoints, worker_channel
from max.serve.worker.engine import Engine
from max.serve.worker.failure_report import report_failure
from max.serve.worker.interface import ServablePipeline
from max.serve.worker.limits import max_model_len, scheduler_config
from max.serve.worker.parent_watch import exit_with_parent

logger = logging.getLogger(__name__)

# Time for the last messages to reach the API process.
FLUSH_MS = 2000


def run_worker(
    endpoints: Endpoints, factory: bytes, log_level: str, log_prefix: str | None
) -> None:
    """Loads the model and serves it until the API process says `Stop` or ends.

    Args:
        endpoints: Where the API process listens and expects us.
        factory: A pickled function without arguments that builds the pipeline. It is unpickled
            here and not by multiprocessing, so that its errors are reported like other ones.
        log_level: Lowest level of log records shown.
        log_prefix: Text before each line of the log.

    Raises:
        SystemExit: With code 1, after the failure was reported to the API process.
    """
    exit_with_parent()
    # The terminal sends CTRL+C to both processes; the API process decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    configure_logging(log_level, log_prefix)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    channel = worker_channel(context, endpoints)
    try:
        engine = _start(channel, factory)
        if engine is None:
            raise SystemExit(1)
        engine.run()
    finally:
        channel.close(flush_ms=FLUSH_MS)
        context.term()


def _start(channel: Channel[FromWorker, ToWorker], factory: bytes) -> Engine | None:
    """Builds the pipeline and says `Ready`; on failure says why and returns None."""
    channel.send(Loading("loading the model"))
    try:
        build: Callable[[], ServablePipeline] = pickle.loads(factory)
        pipeline = build()
        kv_manager = pipeline.kv_manager
        scheduler = Scheduler(scheduler_config(pipeline), kv_manager)
    except Exception as error:
        channel.send(StartFailed(report_failure(error)))
        return None
    channel.send(
        Ready(
            protocol_version=PROTOCOL_VERSION,
            max_model_len=max_model_len(pipeline),
            max_batch_size=scheduler.config.max_batch_size,
            total_num_pages=kv_manager.total_num_pages,
            page_size=kv_manager.page_size,
        )
    )
    return Engine(pipeline, scheduler, channel)
