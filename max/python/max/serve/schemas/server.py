"""What the server says about itself."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Health(msgspec.Struct, frozen=True):
    """Whether requests are answered, and what the server is doing."""

    status: Literal["ok", "unavailable"]
    # "ready", or what the server does instead: a phase of its start, "draining", a restart.
    phase: str
    # Why the server is not to be relied on, after too many restarts of the model worker.
    reason: str | None = None
    # How often the worker was restarted.
    restarts: int = 0
    # Seconds of each finished phase of the server's start.
    startup: dict[str, float] = {}


class Version(msgspec.Struct, frozen=True):
    """The version of this package."""

    version: str


class OpenApiDocument(msgspec.Struct, frozen=True, kw_only=True):
    """This document; https://spec.openapis.org/oas/v3.1.0."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
    components: dict[str, Any]


class PrefixCacheReset(msgspec.Struct, frozen=True):
    """The prefix cache forgets what it has before it sees another request."""

    status: Literal["ok"] = "ok"
