"""A worker's process that does nothing, and is none."""

from __future__ import annotations

import os

from max.serve.endpoint_folder import EndpointFolder


class Waiting:
    """A process that waits until it is killed, as `multiprocessing` has them."""

    pid = 1
    exitcode = -9

    def __init__(self) -> None:
        self.sentinel, self._writer = os.pipe()

    def kill(self) -> None:
        os.close(self._writer)  # the sentinel becomes readable

    def join(self) -> None:
        os.close(self.sentinel)


class WaitingWorker:
    """`WorkerProcess`, without a process."""

    def __init__(self) -> None:
        self.folder, self.process = EndpointFolder(), Waiting()

    def end(self) -> None:
        self.folder.close()
