"""Registers an operation with torch: its schema, its shape function and its implementations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

_LIBRARY = torch.library.Library("max", "DEF")


def define_op(
    schema: str, *, reference: Callable[..., Any], fake: Callable[..., Any]
) -> torch._ops.OpOverload:
    """Defines `torch.ops.max.<name>`.

    Args:
        schema: `name(arguments) -> results` in torch's schema language; `Tensor(a!)` is written to.
        reference: plain torch; the definition of correct. It runs on every device that has no
            implementation of its own (see `implement`).
        fake: gives empty results of the right shapes and dtypes, and checks the operands.

    Returns:
        The op, to be recorded in graphs.
    """
    name = _LIBRARY.define(schema)
    _LIBRARY.impl(name, reference, "CompositeExplicitAutograd")
    torch.library.register_fake(f"max::{name}", fake, lib=_LIBRARY)
    op: torch._ops.OpOverload = getattr(torch.ops.max, name).default
    return op


def implement(op: torch._ops.OpOverload, device: str, function: Callable[..., Any]) -> None:
    """Gives an op the implementation that runs on a kind of device.

    Args:
        op: from `define_op`.
        device: torch's name of the kind: "CPU" or "CUDA".
        function: takes and gives what the reference does.
    """
    _LIBRARY.impl(op, function, device)
