"""Calls of C kernels as values: made now, run at once or again and again by a program.

Every kernel is one C function `void name(const NameArgs*, Pool*)`. Its `cpu.py` has a `Record`:
given where results may lie and an op's arguments, it makes the results and the call that fills
them, and computes nothing itself.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import torch

from max.kernels.isa import Isa
from max.kernels.native import load_kernel
from max.kernels.thread_pool import pool_handle

# Gives an uninitialised tensor of a shape and dtype.
Empty: TypeAlias = Callable[[Sequence[int], torch.dtype], torch.Tensor]


# A kernel: takes the addresses of its struct and of the C `Pool`.
CFunction: TypeAlias = Callable[[int, int | None], None]


class KernelCall(NamedTuple):
    """A C kernel and its arguments; valid as long as the tensors that they point at."""

    function: CFunction
    args: ctypes.Structure
    held: object = None  # what `args` points at besides the op's tensors

    def run(self) -> None:
        """Runs the kernel on the process's thread pool."""
        self.function(ctypes.addressof(self.args), pool_handle())


class Recording(NamedTuple):
    """What an op returns, once `call` has run.

    `nbytes` is the memory that the call reads and writes at least once, for operands that it reads
    in part; None when that is all of them and the result. `loads` is int64 [experts], where the
    call adds how many rows each expert has; None for what has no experts.
    """

    result: Any
    call: KernelCall
    nbytes: int | None = None
    loads: torch.Tensor | None = None


# `record(empty, *arguments of the op)`; None for operands that the kernel does not take.
Record: TypeAlias = Callable[..., Recording | None]


def load_function(op: str, isa: Isa | None = None) -> CFunction | None:
    """The C function of an op's kernel; None where it cannot be built.

    Args:
        op: name of the folder and of the function.
        isa: the best of this machine unless given.
    """
    library = load_kernel(op, isa)
    if library is None:
        return None
    function = getattr(library, op)
    function.argtypes, function.restype = (ctypes.c_void_p, ctypes.c_void_p), None
    return function  # type: ignore[no-any-return]


class RecordMaker(Protocol):
    """Makes the `Record` of an op's kernel; None where it cannot be built."""

    def __call__(self, isa: Isa | None = None) -> Record | None:
        """For an instruction set, the best of this machine unless given."""


def kernel_record(op: str, record: Callable[..., Recording | None]) -> RecordMaker:
    """What makes the `Record` of an op's kernel.

    Args:
        op: name of the folder and of the function.
        record: the `Record`, but for the C function, which it takes first.
    """

    def make(isa: Isa | None = None) -> Record | None:
        function = load_function(op, isa)
        return None if function is None else functools.partial(record, function)

    return make


def run_at_once(
    record: Record, reference: Callable[..., Any], check: Callable[..., None] | None = None
) -> Callable[..., Any]:
    """The op as a function: its kernel, or the reference for operands that this does not take.

    Args:
        record: of the kernel.
        reference: of the op.
        check: raises for operands that the op refuses.
    """

    def run(*arguments: Any) -> Any:
        if check is not None:
            check(*arguments)
        operands: Sequence[Any] = arguments  # alive until the call has run
        recording = record(torch_empty, *operands)
        if recording is None:
            operands = [_contiguous(argument) for argument in arguments]
            recording = record(torch_empty, *operands)
        if recording is None:
            return reference(*arguments)
        recording.call.run()
        return recording.result

    return run


def torch_empty(shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
    """A tensor of torch's own memory."""
    return torch.empty(shape, dtype=dtype)


def are_contiguous(*tensors: torch.Tensor) -> bool:
    """Whether the elements of all tensors lie in sequence, as C kernels read them."""
    return all(tensor.is_contiguous() for tensor in tensors)


def _contiguous(argument: Any) -> Any:
    return argument.contiguous() if isinstance(argument, torch.Tensor) else argument
