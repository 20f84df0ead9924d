"""A call of an op that is checked on a device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class KernelCase(NamedTuple):
    """A call of an op, with operands on the host.

    Attributes:
        name: in what is told; see `smoke.ROUNDED`.
        op: what runs on the device.
        reference: what gives the same.
        args: of both.
    """

    name: str
    op: Callable[..., Any]
    reference: Callable[..., Any]
    args: tuple[Any, ...]
