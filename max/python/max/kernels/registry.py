"""Registers an operation with torch: its schema, its shape function and its implementations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from max.kernels.recording import Record, run_at_once

_LIBRARY = torch.library.Library("max", "DEF")
# The CPU kernels that a program can hold, by op; filled while the ops are imported.
_RECORDS: dict[torch._ops.OpOverload, Record] = {}


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


def implement_on_cpu(
    op: torch._ops.OpOverload,
    record: Record | None,
    reference: Callable[..., Any],
    check: Callable[..., None] | None = None,
) -> None:
    """Gives an op its C++ kernel.

    Args:
        op: from `define_op`.
        record: of the kernel; None where it could not be built, and the reference stays.
        reference: runs where the kernel does not take the operands.
        check: raises for values of operands that the op refuses. Nothing checks them in a program.
    """
    if record is not None:
        implement(op, "CPU", run_at_once(record, reference, check))
        _RECORDS[op] = record


def record_of(op: object) -> Record | None:
    """The `Record` of an op's CPU kernel; None if it has none."""
    return _RECORDS.get(op) if isinstance(op, torch._ops.OpOverload) else None
