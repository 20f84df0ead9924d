"""The instruction sets that the C++ kernels are compiled for; each is a library of its own."""

from __future__ import annotations

import functools
import os
import platform
from enum import StrEnum
from pathlib import Path


class Isa(StrEnum):
    """An instruction set; of an architecture, each has all that the ones before it have.

    The generic one has NEON on aarch64, which every such machine has.
    """

    GENERIC = "generic"
    AVX2 = "avx2"
    AVX512 = "avx512"
    AVX512_VNNI = "avx512_vnni"
    AVX512_BF16 = "avx512_bf16"
    NEON_DOTPROD = "neon_dotprod"


_VECTORS = ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")
# What /proc/cpuinfo must name, besides what the plainer sets of the architecture need.
_NEEDS: dict[Isa, tuple[str, ...]] = {
    Isa.AVX2: ("avx2", "fma", "f16c", "bmi1", "bmi2", "movbe", "abm"),
    Isa.AVX512: _VECTORS,
    Isa.AVX512_VNNI: ("avx512_vnni",),
    Isa.AVX512_BF16: ("avx512_bf16",),
}
_NEEDS_ON_AARCH64: dict[Isa, tuple[str, ...]] = {Isa.NEON_DOTPROD: ("asimddp",)}
_WIDE = ("-march=x86-64-v4", "-mprefer-vector-width=512")
# What the compiler is told; tools/build/defs.bzl says the same.
COMPILER_FLAGS: dict[Isa, tuple[str, ...]] = {
    Isa.GENERIC: (),
    Isa.AVX2: ("-march=x86-64-v3",),
    Isa.AVX512: _WIDE,
    Isa.AVX512_VNNI: (*_WIDE, "-mavx512vnni"),
    Isa.AVX512_BF16: (*_WIDE, "-mavx512vnni", "-mavx512bf16"),
    Isa.NEON_DOTPROD: ("-march=armv8.2-a+dotprod",),
}


@functools.cache
def available_isas() -> tuple[Isa, ...]:
    """The instruction sets that this machine runs, the best last."""
    found = [Isa.GENERIC]
    features = _cpu_features()
    needed = _NEEDS_ON_AARCH64 if platform.machine() == "aarch64" else _NEEDS
    for isa, needs in needed.items():
        if not features.issuperset(needs):
            break
        found.append(isa)
    return tuple(found)


@functools.cache
def chosen_isa() -> Isa:
    """The best instruction set of this machine, or the one that $MAX_CPU_ISA names.

    Raises:
        ValueError: if $MAX_CPU_ISA names one that there is not, or that the machine lacks.
    """
    available = available_isas()
    wanted = os.environ.get("MAX_CPU_ISA")
    if not wanted:
        return available[-1]
    if wanted not in list(available):
        raise ValueError(
            f"MAX_CPU_ISA is '{wanted}'; this machine runs {', '.join(available)}: unset it to use "
            "the best of them"
        )
    return Isa(wanted)


def _cpu_features() -> frozenset[str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return frozenset()
    for line in path.read_text().splitlines():
        if line.startswith(("flags", "Features")):
            return frozenset(line.partition(":")[2].split())
    return frozenset()
