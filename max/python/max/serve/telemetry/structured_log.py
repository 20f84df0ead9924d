"""Log records as JSON, for programs that collect them."""

from __future__ import annotations

import logging
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from max.serve.telemetry.request_record import current_request_id


class StructuredFormatter(JsonFormatter):
    """One JSON object per line: timestamp (UTC), level, logger, message, and what else is known.

    `request_id` is that of the request that was being worked for, `exc_info` a traceback. A
    record's `fields` stand beside them.
    """

    def __init__(self, prefix: str | None = None) -> None:
        super().__init__(
            ["levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger"},
            static_fields={"prefix": prefix} if prefix else {},
            timestamp=True,
        )

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        super().add_fields(log_data, record, message_dict)
        if request_id := current_request_id():
            log_data["request_id"] = request_id
        log_data |= log_data.pop("fields", {})
