"""Kernels of another architecture, cross-compiled and run in an emulator with this one's operands.

A call's arguments are plain structs and its operands tensors, so both can be sent: to a program in
the emulator (emulated_call.cpp), which puts them somewhere else in memory, mends the pointers,
calls the kernel and sends the memory back. Debian's packages are g++-aarch64-linux-gnu and
qemu-user.
"""

# build: data = ["emulated_call.cpp"]

from __future__ import annotations

import ctypes
import functools
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from max.kernels import native
from max.kernels.isa import COMPILER_FLAGS, Isa
from max.kernels.recording import KernelCall, Record
from max.kernels.registry import tensors_in

COMPILER = "aarch64-linux-gnu-g++"
_LIBRARIES = "/usr/aarch64-linux-gnu"  # where the Debian package has those of the architecture
_EMULATOR = ("qemu-aarch64", "-L", _LIBRARIES)
# What runs there: its plainest set has NEON, whose vectors the compiler knows anyway.
EMULATED_ISAS = (Isa.GENERIC, Isa.NEON_DOTPROD)
_HERE = Path(__file__).resolve().parent
_WORD = 8


class _Region(NamedTuple):
    """Memory that a call reads or writes."""

    address: int
    size: int

    @property
    def content(self) -> bytes:
        return ctypes.string_at(self.address, self.size)


def can_emulate() -> bool:
    """Whether compiler and emulator are installed."""
    return all(map(shutil.which, (COMPILER, _EMULATOR[0])))


def emulated(record: Record, isa: Isa) -> Callable[..., Any]:
    """An op as a function, run in the emulator.

    Args:
        record: of its kernel on this machine, whose function is not called.
        isa: one of `EMULATED_ISAS`.
    """

    def run(*arguments: Any) -> Any:
        made: list[torch.Tensor] = []

        def empty(shape: Iterable[int], dtype: torch.dtype) -> torch.Tensor:
            made.append(torch.empty(tuple(shape), dtype=dtype))
            return made[-1]

        recording = record(empty, *arguments)
        if recording is None:
            arguments = tuple(
                x.contiguous() if isinstance(x, torch.Tensor) else x for x in arguments
            )
            recording = record(empty, *arguments)
        assert recording is not None, "the kernel takes these operands"
        _call(recording.call, isa, [*tensors_in(list(arguments)), *made])
        return recording.result

    return run


def _call(call: KernelCall, isa: Isa, tensors: Iterable[torch.Tensor]) -> None:
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
    held = call.held if isinstance(call.held, tuple) else (call.held,)
    structs = [call.args, *(x for x in held if isinstance(x, ctypes.Structure | ctypes.Array))]
    regions = [_Region(ctypes.addressof(struct), ctypes.sizeof(struct)) for struct in structs]
    num_structs = len(regions)
    regions += [_Region(address, size) for address, size in storages.items() if size]
    pointers = [
        (place, offset, target, value - regions[target].address)
        for place in range(num_structs)
        for offset, value in _words(regions[place].content)
        for target in range(len(regions))
        if regions[target].address <= value < regions[target].address + regions[target].size
    ]
    numbers = [len(regions), len(pointers), *(region.size for region in regions)]
    numbers += [number for pointer in pointers for number in pointer]
    name = call.function.__name__
    with tempfile.TemporaryDirectory() as scratch:
        sent, back = Path(scratch, "sent"), Path(scratch, "back")
        content = b"".join(region.content for region in regions)
        sent.write_bytes(np.array(numbers, np.int64).tobytes() + content)
        library = native.build(
            Path(native.__file__).parent / name / "cpu.cpp", COMPILER, COMPILER_FLAGS[isa]
        )
        command = (*_EMULATOR, str(_program()), str(library), name, str(sent), str(back))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        result = back.read_bytes()
    for region in regions:
        ctypes.memmove(region.address, result[: region.size], region.size)
        result = result[region.size :]
    _mend(regions, pointers)


def _words(content: bytes) -> Iterable[tuple[int, int]]:
    words = np.frombuffer(content[: len(content) // _WORD * _WORD], np.uint64)
    return [(_WORD * index, int(word)) for index, word in enumerate(words) if word]


def _mend(regions: list[_Region], pointers: Iterable[tuple[int, int, int, int]]) -> None:
    """Puts this process's addresses back into the structs."""
    for place, offset, target, delta in pointers:
        pointer = ctypes.c_uint64.from_address(regions[place].address + offset)
        pointer.value = regions[target].address + delta


@functools.cache
def _program() -> Path:
    """The program that runs in the emulator."""
    folder = Path(tempfile.mkdtemp(prefix="emulated-"))
    program = folder / "emulated_call"
    source = _HERE / "emulated_call.cpp"
    subprocess.run((COMPILER, "-O1", str(source), "-o", str(program), "-ldl"), check=True)
    return program
