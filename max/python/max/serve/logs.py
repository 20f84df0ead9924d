"""Where log records go, the same in both processes.

A record may have fields besides its text: `logger.info(..., extra={"fields": {"status": 200}})`.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LogSettings:
    """What is logged, where and how.

    Attributes:
        level: Lowest level that standard error shows, for example "INFO".
        prefix: Text before each line.
        structured: JSON instead of lines of text.
        file_path: A file that records are appended to, besides standard error.
        file_level: Lowest level that goes there.
    """

    level: str = "INFO"
    prefix: str | None = None
    structured: bool = False
    file_path: Path | None = None
    file_level: str = "INFO"

    def apply(self) -> None:
        """Sends this process's log records there, replacing earlier handlers.

        Raises:
            OSError: The file cannot be written.
        """
        handlers: list[logging.Handler] = [_leveled(logging.StreamHandler(sys.stderr), self.level)]
        if self.file_path is not None:
            file = logging.FileHandler(self.file_path, encoding="utf-8")
            handlers.append(_leveled(file, self.file_level))
        formatter = self._formatter()
        for handler in handlers:
            handler.setFormatter(formatter)
        root = logging.getLogger()
        root.handlers[:] = handlers
        root.setLevel(min(handler.level for handler in handlers))
        for chatty in ("httpx", "httpcore", "torch", "filelock", "urllib3", "uvicorn.error"):
            logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))

    def _formatter(self) -> logging.Formatter:
        if self.structured:
            # Its import takes longer than `max --help` may.
            from max.serve.telemetry.structured_log import StructuredFormatter

            return StructuredFormatter(self.prefix)
        return PlainFormatter(self.prefix)


class PlainFormatter(logging.Formatter):
    """`TIME LEVEL LOGGER: MESSAGE name=value ...`."""

    def __init__(self, prefix: str | None = None) -> None:
        before = f"{prefix} ".replace("%", "%%") if prefix else ""
        super().__init__(f"{before}%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = getattr(record, "fields", {})
        pairs = (f"{name}={value}" for name, value in fields.items())
        return " ".join((super().formatMessage(record), *pairs))


def _leveled(handler: logging.Handler, level: str) -> logging.Handler:
    handler.setLevel(level)
    return handler
