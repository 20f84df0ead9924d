"""Tuned configurations: small tables per kind of device; nothing is tried out at run time."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from max.kernels.eight_bit_entries import has_factors


@dataclass(frozen=True)
class Config:
    """How one kernel is compiled.

    Attributes:
        blocks: its sizes that are fixed in the code, by parameter.
        num_warps: of 32 threads (64 on AMD's) that share a program.
        num_stages: loads of a loop that are under way at once.
    """

    blocks: Mapping[str, int] = field(default_factory=dict)
    num_warps: int = 4
    num_stages: int = 2

    @property
    def launch(self) -> dict[str, int]:
        """What a launch takes beside the kernel's arguments."""
        return {**self.blocks, "num_warps": self.num_warps, "num_stages": self.num_stages}


# The kinds that tables have lines for, and what else a line stands for.
DEVICE_KINDS = ("sm_80", "sm_90", "sm_100", "gfx942")
# Shared memory that one program can have (CUDA programming guide, table of compute capabilities;
# AMD's CDNA 3 has 64 KiB of local data share per unit).
SHARED_BYTES = {"sm_80": 163 << 10, "sm_90": 227 << 10, "sm_100": 227 << 10, "gfx942": 64 << 10}


def device_kind(device: torch.device) -> str:
    """The line of the tables for a device: its own, or that of the nearest older kind.

    Kernels run on the host only in the interpreter, as on the oldest kind.
    """
    return "sm_80" if device.type == "cpu" else _kind_of(device.index or 0)


@functools.cache
def _kind_of(index: int) -> str:
    if torch.version.hip:
        return "gfx942"
    major, _ = torch.cuda.get_device_capability(index)
    return {9: "sm_90", 10: "sm_100"}.get(major, "sm_80")


def has_float8(device: torch.device) -> bool:
    """Whether a device converts numbers of e4m3fn itself; the interpreter does."""
    return device.type == "cpu" or _has_float8(device.index or 0)


@functools.cache
def _has_float8(index: int) -> bool:
    # AMD's devices of that generation convert another kind (e4m3fnuz).
    return torch.version.hip is None and torch.cuda.get_device_capability(index) >= (8, 9)


def reads_cache_of(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether kernels of a device read a cache of a type: of int8 only those of CPUs do."""
    return not has_factors(dtype) or (dtype.is_floating_point and has_float8(device))


def row_config(dim: int, elements_per_thread: int = 8) -> Config:
    """For kernels whose programs read a whole row: as many threads as it keeps busy.

    Args:
        dim: elements of a row.
        elements_per_thread: that each thread takes, as many warps as there are allowing.
    """
    block = 1 << max(dim - 1, 0).bit_length()
    warps = block // (32 * elements_per_thread)
    return Config({"BLOCK": block}, num_warps=min(max(warps, 1), 16))
