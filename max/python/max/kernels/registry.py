"""Registers an operation with torch: its schema, its shape function, its facts, its
implementations."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeAlias

import torch

from max.kernels.facts import NO_FACTS, OpFacts
from max.kernels.recording import Record, run_at_once

_LIBRARY = torch.library.Library("max", "DEF")

Op: TypeAlias = torch._ops.OpOverload

_FACTS: dict[Op, OpFacts] = {}
_REFERENCES: dict[Op, Callable[..., Any]] = {}
# What makes the CPU kernels that a program can hold, once; filled while the ops are imported.
_RECORDS: dict[Op, Callable[[], Record | None]] = {}
# What says whether the Triton kernel of an op takes the arguments, of which only facts are known.
_ON_GPU: dict[Op, Callable[..., bool]] = {}


def define_op(
    schema: str,
    *,
    reference: Callable[..., Any],
    fake: Callable[..., Any],
    facts: OpFacts = NO_FACTS,
) -> Op:
    """Defines `torch.ops.max.<name>`.

    Args:
        schema: `name(arguments) -> results` in torch's schema language; `Tensor(a!)` is written to.
        reference: plain torch; the definition of correct. It runs on every device that has no
            implementation of its own (see `implement`).
        fake: gives empty results of the right shapes and dtypes, and checks the operands.
        facts: what passes and runners must know of it.

    Returns:
        The op, to be recorded in graphs.
    """
    name = _LIBRARY.define(schema)
    _LIBRARY.impl(name, reference, "CompositeExplicitAutograd")
    torch.library.register_fake(f"max::{name}", fake, lib=_LIBRARY)
    op: Op = getattr(torch.ops.max, name).default
    _FACTS[op], _REFERENCES[op] = facts, reference
    return op


def extend_facts(op: Op, **facts: Any) -> None:
    """Adds to an op's facts what another op knows: that it computes the same of more, say.

    So an op that is made of another imports that one, and not the other way round.

    Args:
        op: from `define_op`.
        facts: fields of `OpFacts`.
    """
    _FACTS[op] = replace(_FACTS[op], **facts)


def implement(op: Op, device: str, make: Callable[[], Callable[..., Any] | None]) -> None:
    """Gives an op the implementation that runs on a kind of device.

    Args:
        op: from `define_op`.
        device: torch's name of the kind: "CPU" or "CUDA".
        make: gives what takes and gives what the reference does; None where it cannot be had, and
            the reference stays. Called when the op first runs there.
    """
    made = functools.cache(lambda: make() or _REFERENCES[op])

    def run(*arguments: Any) -> Any:
        return made()(*arguments)

    _LIBRARY.impl(op, run, device)


def implement_on_cpu(
    op: Op,
    make_record: Callable[[], Record | None],
    reference: Callable[..., Any],
    check: Callable[..., None] | None = None,
) -> None:
    """Gives an op its C++ kernel.

    Args:
        op: from `define_op`.
        make_record: gives the kernel's `Record`; None where it cannot be built, and the reference
            stays. Called when the op first runs or is first recorded.
        reference: runs where the kernel does not take the operands.
        check: raises for values of operands that the op refuses. Nothing checks them in a program.
    """
    make_once = _RECORDS[op] = functools.cache(make_record)

    def make() -> Callable[..., Any] | None:
        record = make_once()
        return None if record is None else run_at_once(record, reference, check)

    implement(op, "CPU", make)


def takes_all(*arguments: Any) -> bool:
    """Of a kernel that takes whatever the op does, as far as models have it."""
    return True


def implement_on_gpu(
    op: Op, reference: Callable[..., Any], takes: Callable[..., bool] = takes_all
) -> None:
    """Gives an op its Triton kernel: `run_on_gpu` of the `triton.py` beside it.

    That takes what the reference takes and gives what it gives; None for operands that the kernel
    does not take. It is imported, and triton with it, when the op first runs on a GPU.

    Args:
        op: from `define_op`.
        reference: runs where the kernel does not take the operands.
        takes: whether it takes arguments of which shapes and dtypes are known; where it does not,
            the reference may ask the device for numbers, so nothing of that is captured.
    """
    name = op._schema.name.removeprefix("max::")

    def make() -> Callable[..., Any]:
        run_on_gpu = importlib.import_module(f"max.kernels.{name}.triton").run_on_gpu

        def run(*arguments: Any) -> Any:
            # Triton launches on torch's current device, which need not be the tensors'.
            with torch.cuda.device_of(tensors_in(arguments)[0]):
                result = run_on_gpu(*arguments)
                return reference(*arguments) if result is None else result

        return run

    _ON_GPU[op] = takes
    implement(op, "CUDA", make)


def has_gpu_kernel(op: object) -> bool:
    """Whether an op has a Triton kernel, which need not be compiled yet."""
    return op in _ON_GPU


def runs_on_gpu(op: object, arguments: Sequence[Any]) -> bool:
    """Whether an op's Triton kernel takes arguments; tensors may be without elements."""
    return op in _ON_GPU and _ON_GPU[op](*arguments)


def tensors_in(value: object) -> list[torch.Tensor]:
    """The tensors of nested lists."""
    if isinstance(value, torch.Tensor):
        return [value]
    found: list[torch.Tensor] = []
    for part in value if isinstance(value, list | tuple) else ():
        if isinstance(part, torch.Tensor):
            found.append(part)
        elif part is not None:
            found += tensors_in(part)
    return found


def facts_of_op(op: object) -> OpFacts | None:
    """The facts that were declared with an op of ours; None for other targets."""
    return _FACTS.get(op) if isinstance(op, torch._ops.OpOverload) else None


def record_of(op: object) -> Record | None:
    """The `Record` of an op's CPU kernel; None if it has none. Builds and loads it if need be."""
    make = _RECORDS.get(op) if isinstance(op, torch._ops.OpOverload) else None
    return None if make is None else make()


def has_cpu_kernel(op: object) -> bool:
    """Whether an op has a CPU kernel, which need not be built yet."""
    return op in _RECORDS


def make_cpu_kernels(ops: Iterable[object]) -> None:
    """Builds and loads the CPU kernels of some ops, several at a time; of other targets nothing."""
    makers = list(dict.fromkeys(_RECORDS[op] for op in ops if has_cpu_kernel(op)))  # type: ignore[index]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda make: make(), makers))
