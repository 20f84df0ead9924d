"""Loads adapters beside the worker's loop, which goes on computing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from max.serve.messages import Adapter, AdapterLoaded, AdapterRefused, FromWorker
from max.serve.panics import as_thread_error
from max.serve.thread_errors import note_thread_error

if TYPE_CHECKING:
    from max.pipelines.lib.adapters import Adapters

logger = logging.getLogger(__name__)


class AdapterLoader:
    """One thread that reads adapters, in order.

    Args:
        adapters: Of the pipeline.
        send: Tells the API process, from that thread.
    """

    def __init__(self, adapters: Adapters, send: Callable[[FromWorker], None]) -> None:
        self._adapters = adapters
        self._send = send
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="load-adapter")

    def load(self, adapter: Adapter) -> None:
        """Begins to load one; `AdapterLoaded` or `AdapterRefused` tells how it ends."""
        self._thread.submit(self._load, adapter)

    def unload(self, digest: str) -> None:
        """Forgets an adapter."""
        self._adapters.pool.remove(digest)

    def close(self) -> None:
        """Waits for the one that is being loaded; others are not loaded any more."""
        self._thread.shutdown(cancel_futures=True)

    def _load(self, adapter: Adapter) -> None:
        try:
            problem = load_problem(self._adapters, adapter)
            if problem is None:
                self._send(AdapterLoaded(adapter.digest))
            else:
                self._send(AdapterRefused(adapter.digest, problem))
        except BaseException as error:
            note_thread_error(error)  # A pool would keep it for somebody who asks.


def load_problem(adapters: Adapters, adapter: Adapter) -> str | None:
    """Loads an adapter; why that cannot be, if it cannot."""
    try:
        adapters.load(adapter.name, adapter.path, adapter.digest)
    except BaseException as raised:  # Also a panic of a native library: else nobody is told.
        error = as_thread_error(raised)
        if not isinstance(error, ValueError):
            logger.exception("LoRA adapter '%s' cannot be loaded", adapter.name)
        return str(error) or type(error).__name__
    return None


def load_all(adapters: Adapters, wanted: Sequence[Adapter]) -> dict[str, str]:
    """Loads adapters before the worker is ready; why not, by digest, for those that cannot be."""
    problems = {adapter.digest: load_problem(adapters, adapter) for adapter in wanted}
    return {digest: problem for digest, problem in problems.items() if problem is not None}
