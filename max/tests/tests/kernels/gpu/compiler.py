"""Compiles Triton kernels for devices that need not be there, and looks at the result."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

# What a product of matrices becomes on each kind of device.
_MATRIX_INSTRUCTION = {
    "sm_80": "mma.sync",
    "sm_90": r"mma.sync|wgmma",
    "sm_100": r"mma.sync|tcgen05.mma",
    "gfx942": "v_mfma",
}


# Those that convert numbers of 8 bits themselves; see `max.kernels.gpu.tuning.has_float8`.
FLOAT8_KINDS = ("sm_90", "sm_100")
# 16 bytes at a time, into registers or past them; 8 on AMD's, whose wavefronts are twice as wide.
_WIDE_LOAD = r"ld\.global\S*\.v4|cp\.async.*, 0x10,|load_dwordx[24]"
_NUMBERS = {"Width": "i32", "Size": "i32", "Number": "fp32"}


@dataclass(frozen=True)
class Case:
    """One variant of a kernel.

    Attributes:
        kernel: "op:name", of the op's `triton.py`; or "op.module:name".
        pointers: types of elements, by parameter, as "bf16".
        fixed: values of its `tl.constexpr` parameters.
        num_warps: see `Config`.
        num_stages: see `Config`.
        multiplies: whether it is meant to multiply matrices on tensor cores.
        variant: tells it from others of the kernel.
        is_wide: whether it reads 16 bytes at a time.
        kinds: of the devices whose table has it; None for all.
    """

    kernel: str
    pointers: Mapping[str, str]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    num_warps: int = 4
    num_stages: int = 2
    multiplies: bool = False
    variant: str = ""
    is_wide: bool = True
    kinds: Sequence[str] | None = None

    def __str__(self) -> str:
        return f"{self.kernel} {self.variant}".strip()


class Compiled(NamedTuple):
    """What a kernel became: registers of a thread, bytes of a program."""

    registers: int
    spilled: int
    shared: int
    uses_tensor_cores: bool
    has_vector_loads: bool


def compile_all(cases: Sequence[Case], kind: str) -> Iterator[tuple[Case, Compiled]]:
    """Compiles in other processes, where kernels are not interpreted."""
    workers = min(os.cpu_count() or 1, len(cases), 8)
    with ProcessPoolExecutor(workers, get_context("spawn"), _leave_interpreter) as pool:
        yield from zip(cases, pool.map(_compile, cases, [kind] * len(cases)), strict=True)


def _leave_interpreter() -> None:
    os.environ.pop("TRITON_INTERPRET", None)


def _compile(case: Case, kind: str) -> Compiled:
    import triton
    from triton.backends.compiler import GPUTarget

    module, name = case.kernel.split(":")
    module = module if "." in module else f"{module}.triton"
    kernel = getattr(importlib.import_module(f"max.kernels.{module}"), name)
    signature, attributes = {}, {}
    for place, parameter in enumerate(kernel.params):
        if parameter.name in case.pointers:
            signature[parameter.name] = f"*{case.pointers[parameter.name]}"
            attributes[(place,)] = [["tt.divisibility", 16]]
        elif parameter.name in case.fixed:
            signature[parameter.name] = "constexpr"
        else:
            signature[parameter.name] = _NUMBERS[parameter.annotation]
            if parameter.annotation == "Width":
                attributes[(place,)] = [["tt.divisibility", 16]]
    source = triton.compiler.ASTSource(kernel, signature, dict(case.fixed), attributes)
    is_amd = kind.startswith("gfx")
    target = GPUTarget("hip", kind, 64) if is_amd else GPUTarget("cuda", int(kind[3:]), 32)
    options = {"num_warps": case.num_warps, "num_stages": case.num_stages}
    compiled = triton.compile(source, target=target, options=options)
    assembly = compiled.asm["amdgcn" if is_amd else "ptx"]
    count = _of_amd if is_amd else _of_nvidia
    registers, spilled = count(compiled)
    return Compiled(
        registers,
        spilled,
        compiled.metadata.shared,
        re.search(_MATRIX_INSTRUCTION[kind], assembly) is not None,
        re.search(_WIDE_LOAD, assembly) is not None,
    )


def _of_amd(compiled: Any) -> tuple[int, int]:
    found = dict(re.findall(r"\.(\w+_count|private_\w+_size): +(\d+)", compiled.asm["amdgcn"]))
    return int(found["vgpr_count"]), int(found["vgpr_spill_count"])


def _of_nvidia(compiled: Any) -> tuple[int, int]:
    import triton

    tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(compiled.asm["cubin"])
        file.flush()
        command = [str(tool), "--dump-resource-usage", file.name]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    registers, stack, local = re.search(r"REG:(\d+) STACK:(\d+).*LOCAL:(\d+)", said).groups()  # type: ignore[union-attr]
    return int(registers), int(stack) + int(local)
