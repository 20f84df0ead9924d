"""The worker's process: it begins before there is an event loop that watches it."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from multiprocessing import resource_tracker
from types import TracebackType

from max.serve.endpoint_folder import EndpointFolder
from max.serve.logs import LogSettings
from max.serve.worker.start import start_worker


class WorkerProcess:
    """A process that imports what a model needs, waits for `Load`, and then serves the model.

    Made as early as may be: importing takes it longer than the API process. As a context it has
    ended when the context ends.

    Args:
        preload: modules to import while the API process finds the model.
        logs: where log records go.
    """

    def __init__(self, preload: Sequence[str], logs: LogSettings) -> None:
        self.folder = EndpointFolder()
        self.process = multiprocessing.get_context("spawn").Process(
            target=start_worker,
            args=(self.folder.endpoints, preload, logs),
            name="max-model-worker",
        )
        with _signals_held_back():
            self.process.start()

    def end(self) -> None:
        """Ends it, unless it has ended, and removes its folder."""
        self.process.kill()
        self.process.join()
        self.folder.close()

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """A process started here begins with CTRL+C and SIGTERM blocked.

    Until it can ignore them itself, a CTRL+C in the terminal would interrupt its imports.
    """
    # Starting multiprocessing's helper unblocks them again, so it has to be there before.
    resource_tracker.ensure_running()
    blocked = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
