"""One line of the log for each request. Nothing that a user wrote is in it."""

from __future__ import annotations

import logging

from max.serve.telemetry.request_record import RequestRecord

logger = logging.getLogger("max.serve.requests")


def log_request(record: RequestRecord, trace_id: str | None = None) -> None:
    """Logs a request that has ended; questions about the server itself, as /health, for DEBUG.

    Args:
        record: The request.
        trace_id: The trace that it is part of, when there are traces.
    """
    assert record.ended is not None, "the middleware sets it"
    usage = None if record.usage is None else record.usage()
    fields = {
        "request_id": record.request_id,
        "trace_id": trace_id,
        "route": record.route,
        "status": record.status,
        "error": record.error_code,
        "prompt_tokens": usage and usage.prompt_tokens,
        "cached_tokens": usage and usage.prompt_tokens_details.cached_tokens,
        "completion_tokens": usage and usage.completion_tokens,
        "finish_reason": ",".join(record.finish_reasons) or None,
        "ttft_ms": _ms(record.arrived, record.first_token),
        "total_ms": _ms(record.arrived, record.ended),
    }
    logger.log(
        logging.DEBUG if record.method == "GET" else logging.INFO,
        "%s answered",
        record.method,
        extra={"fields": {name: value for name, value in fields.items() if value is not None}},
    )


def _ms(start: float, end: float | None) -> float | None:
    return None if end is None else round((end - start) * 1000, 1)
