"""The bodies of requests."""

from __future__ import annotations

from typing import Any

import msgspec

from max.benchmark.settings import Settings
from max.benchmark.workload.conversation import Transcript


def request_body(
    settings: Settings, model: str, transcript: Transcript, output_length: int | None
) -> bytes:
    """The JSON of a request for the next answer in a conversation.

    Raises:
        ValueError: if the endpoint cannot be asked this.
    """
    body: dict[str, Any] = {
        "model": model,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if settings.endpoint == "chat":
        body["messages"] = transcript.messages()
    else:
        body["prompt"] = transcript.prompt()
    if output_length is not None:
        body["max_tokens"] = output_length
    if settings.goes_on_after_eos:
        body["ignore_eos"] = True
    return msgspec.json.encode(body | settings.sampling | settings.extra_body)
