"""Errors that end a thread or a task are seen."""

from __future__ import annotations

import asyncio
import logging
import os
import threading

logger = logging.getLogger(__name__)


def watch_threads(*, end_process: bool) -> None:
    """Logs errors that end a thread, for which nobody waits.

    Args:
        end_process: What the thread was there for is not done any more: the process ends too, so
            that another one takes over.
    """

    def note(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is None or isinstance(args.exc_value, SystemExit):
            return
        name = args.thread.name if args.thread is not None else "?"
        logger.critical("The thread %s ended with an error", name, exc_info=args.exc_value)
        if end_process:
            logging.shutdown()
            os._exit(1)

    threading.excepthook = note


def note_thread_error(error: BaseException) -> None:
    """Lets an error of a thread that belongs to a pool be seen as that of any other thread."""
    hook_args = (type(error), error, error.__traceback__, threading.current_thread())
    threading.excepthook(threading.ExceptHookArgs(hook_args))


def watch_task(task: asyncio.Task[None], what: str) -> None:
    """Logs the error that ends a task, for which nobody waits."""

    def note(ended: asyncio.Task[None]) -> None:
        if not ended.cancelled() and (error := ended.exception()) is not None:
            logger.critical("%s ended with an error", what, exc_info=error)

    task.add_done_callback(note)
