"""Devices: the host's CPU and its accelerators. Importing this does not import torch."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class DeviceSpec:
    """Names a device without opening it: what a configuration holds."""

    id: int
    device_type: Literal["cpu", "gpu"] = "gpu"

    @classmethod
    def cpu(cls, id: int = 0) -> DeviceSpec:
        """The host."""
        return cls(id, "cpu")

    @classmethod
    def accelerator(cls, id: int = 0) -> DeviceSpec:
        """The accelerator of that index."""
        return cls(id, "gpu")

    def __str__(self) -> str:
        return "cpu" if self.device_type == "cpu" else f"gpu:{self.id}"


@dataclass(frozen=True)
class Device:
    """An open device. Two devices with the same label and id are the same device."""

    id: int = 0
    label: str = "cpu"

    @property
    def is_host(self) -> bool:
        """Whether its memory is the host's memory."""
        return self.label == "cpu"

    def to_torch(self) -> torch.device:
        """The torch device that this is."""
        import torch

        return torch.device("cpu") if self.is_host else torch.device("cuda", self.id)

    @classmethod
    def from_torch(cls, device: torch.device) -> Device:
        """The device that a torch tensor lives on."""
        return Device(0, "cpu") if device.type == "cpu" else Device(device.index or 0, "gpu")

    def __str__(self) -> str:
        return f"{self.label}:{self.id}"


def CPU(id: int = 0) -> Device:
    """The host's device."""
    return Device(id, "cpu")


def Accelerator(id: int = 0) -> Device:
    """The accelerator of index `id`.

    Raises:
        ValueError: if the machine has no such accelerator.
    """
    count = accelerator_count()
    if not 0 <= id < count:
        why = "" if count else f": {_why_none()}"
        raise ValueError(
            f"no accelerator {id}: this machine has {count} that torch can use{why}. "
            "Use CPU(), or --devices cpu on the command line"
        )
    return Device(id, "gpu")


GPU = Accelerator


def _why_none() -> str:
    """Why torch can use no accelerator here."""
    if not has_accelerator_driver():
        return "it has no driver (libcuda.so.1 of NVIDIA, /dev/kfd of AMD)"
    import torch

    if torch.version.cuda is None and torch.version.hip is None:
        return f"torch {torch.__version__} is a build for CPUs (docs/run-on-a-gpu.md)"
    return (
        f"there is a driver, but torch {torch.__version__} cannot use it: `nvidia-smi` or "
        "`rocm-smi` tells whether it is too old for torch, or sees no device"
    )


def accelerator_count() -> int:
    """How many accelerators torch can use here."""
    if not has_accelerator_driver():
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def has_accelerator_driver() -> bool:
    """Whether the system has a driver of NVIDIA or AMD: without one torch need not be asked."""
    if Path("/dev/kfd").exists():
        return True
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def accelerator_api() -> str:
    """The accelerators' programming interface: "cuda", "hip", or "cpu" when there are none."""
    if accelerator_count() == 0:
        return "cpu"
    import torch

    return "hip" if torch.version.hip else "cuda"


def scan_available_devices() -> list[DeviceSpec]:
    """All accelerators, or the CPU where there are none."""
    specs = [DeviceSpec.accelerator(i) for i in range(accelerator_count())]
    return specs or [DeviceSpec.cpu()]


def load_devices(specs: Sequence[DeviceSpec]) -> list[Device]:
    """Opens the devices that the specs name, in their order.

    Raises:
        ValueError: if one is not there.
    """
    return [CPU(s.id) if s.device_type == "cpu" else Accelerator(s.id) for s in specs]
