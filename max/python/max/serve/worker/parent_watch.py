"""Ends the worker when the process that started it is gone, however it went."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import threading
from multiprocessing.connection import wait
from pathlib import Path


def exit_with_parent(folder: Path) -> None:
    """Starts a thread that sleeps until the parent process ends and then exits this process.

    It removes `folder` first, which a parent that was killed could not do.

    The parent's sentinel is a pipe that the system closes when the parent dies, killed or not, so
    nothing is polled. `os._exit` is deliberate: the main thread may be inside a kernel.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        raise RuntimeError("exit_with_parent is for processes started by multiprocessing")
    sentinel = parent.sentinel

    def watch() -> None:
        wait([sentinel])
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
