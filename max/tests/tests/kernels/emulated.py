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
from max.kernels.layouts.grids import kernel_grid
from max.kernels.layouts.panels import BLOCK_UNITS
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


def emulated(record: Record, isa: Isa, reference: Callable[..., Any]) -> Callable[..., Any]:
    """An op as a function, run in the emulator.

    Args:
        record: of its kernel on this machine, whose function is not called.
        reference: what is called for operands that the kernel does not take.
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
        if recording is None:
            return reference(*arguments)
        _call(recording.call, isa, [*tensors_in(list(arguments)), *made])
        return recording.result

    return run


def _call(call: KernelCall, isa: Isa, tensors: Iterable[torch.Tensor]) -> None:
    held = list(_leaves(call.held))
    tensors = [*tensors, *tensors_in(held), *_grids()]
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
    structs = [call.args, *(x for x in held if isinstance(x, ctypes.Structure | ctypes.Array))]
    regions = [_Region(ctypes.addressof(struct), ctypes.sizeof(struct)) for struct in structs]
    num_structs = len(regions)
    regions += [_Region(address, size) for address, size in storages.items() if size]
    targets = [*regions, *(_Region(address, 1) for address in _functions().values())]
    pointers = [
        (place, offset, target, value - targets[target].address)
        for place in range(num_structs)
        for offset, value in _words(regions[place].content)
        for target in range(len(targets))
        if targets[target].address <= value < targets[target].address + targets[target].size
    ]
    numbers = [len(regions), len(pointers), *(region.size for region in regions)]
    numbers += [number for pointer in pointers for number in pointer]
    name = call.function.__name__
    with tempfile.TemporaryDirectory() as scratch:
        sent, back = Path(scratch, "sent"), Path(scratch, "back")
        content = b"".join(region.content for region in regions)
        sent.write_bytes(np.array(numbers, np.int64).tobytes() + content)
        # What the structs point at is called too: its library has to be there only then.
        used = {target for _, _, target, _ in pointers}
        functions = [(name, name)] + [
            function if len(regions) + i in used else (name, name)
            for i, function in enumerate(_functions())
        ]
        loaded = [part for op, symbol in functions for part in (str(_library(op, isa)), symbol)]
        command = (*_EMULATOR, str(_program()), str(sent), str(back), *loaded)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        result = back.read_bytes()
    for region in regions:
        ctypes.memmove(region.address, result[: region.size], region.size)
        result = result[region.size :]
    _mend(targets, pointers)


def _library(op: str, isa: Isa) -> Path:
    """An op's kernel for a set of the emulated architecture."""
    source = Path(native.__file__).parent / op / "cpu.cpp"
    return native.build(source, COMPILER, COMPILER_FLAGS[isa])


def _leaves(held: object) -> Iterable[object]:
    """What a call holds, out of lists and tuples."""
    if isinstance(held, list | tuple):
        for each in held:
            yield from _leaves(each)
    else:
        yield held


@functools.cache
def _functions() -> dict[tuple[str, str], int]:
    """The functions that structs point at, by op and symbol: where they are in this process."""
    symbols = [("packed_linear", "packed_products"), ("lora_linear", "lora_linear")]
    addresses: dict[tuple[str, str], int] = {}
    for op, symbol in symbols:
        library = native.load_kernel(op, Isa.GENERIC)
        assert library is not None, "there is a compiler"
        address = ctypes.cast(getattr(library, symbol), ctypes.c_void_p).value
        assert address is not None
        addresses[op, symbol] = address
    return addresses


@functools.cache
def _grids() -> list[torch.Tensor]:
    """The tables of encodings that structs point at, which live as long as the process."""
    return [grid for name in BLOCK_UNITS if (grid := kernel_grid(name)) is not None]


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
