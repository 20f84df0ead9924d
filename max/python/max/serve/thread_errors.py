"""Errors that end a thread are seen."""

from __future__ import annotations

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
