"""Console logging, the same in both processes."""

from __future__ import annotations

import logging
import sys


def configure_logging(level: str, prefix: str | None = None) -> None:
    """Sends log records of `level` and above to standard error, replacing earlier handlers.

    Args:
        level: Name of a standard level, for example "INFO".
        prefix: Text before each line.
    """
    before = f"{prefix} " if prefix else ""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        logging.Formatter(
            before.replace("%", "%%") + "%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("httpx", "httpcore", "torch", "filelock", "urllib3", "uvicorn.error"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))
