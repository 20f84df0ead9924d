"""Why an adapter is not taken."""

from __future__ import annotations


class AdapterError(ValueError):
    """An adapter cannot be used as it is; the message says why."""


class AdapterPathError(AdapterError):
    """There is no folder of an adapter at a path, or it may not be read from there."""
