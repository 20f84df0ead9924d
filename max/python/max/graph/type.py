"""Types of graph values: where they live, what they hold, how large they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from max.driver import CPU, Accelerator, Device
from max.dtype import DType
from max.graph.shape import Shape, ShapeLike


@dataclass(frozen=True)
class DeviceRef:
    """Names a device inside a graph, whether or not this machine has it.

    Raises:
        ValueError: for another type than "cpu" and "gpu", or an index below 0.
    """

    device_type: str
    id: int = 0

    def __post_init__(self) -> None:
        if self.device_type not in ("cpu", "gpu") or self.id < 0:
            raise ValueError(
                f"no device '{self}': devices are cpu, and gpu with an index from 0 "
                "(DeviceRef.CPU(), DeviceRef.GPU(1))"
            )

    @staticmethod
    def CPU(id: int = 0) -> DeviceRef:
        """The host."""
        return DeviceRef("cpu", id)

    @staticmethod
    def GPU(id: int = 0) -> DeviceRef:
        """The accelerator of index `id`."""
        return DeviceRef("gpu", id)

    @staticmethod
    def from_device(device: DeviceLike) -> DeviceRef:
        """The reference to an open device (a reference is returned as it is)."""
        return device if isinstance(device, DeviceRef) else DeviceRef(device.label, device.id)

    def to_device(self) -> Device:
        """Opens the device.

        Raises:
            ValueError: if this machine does not have it.
        """
        return CPU(self.id) if self.is_cpu() else Accelerator(self.id)

    def is_cpu(self) -> bool:
        """Whether this is the host."""
        return self.device_type == "cpu"

    def is_gpu(self) -> bool:
        """Whether this is an accelerator."""
        return not self.is_cpu()

    def to_torch(self) -> str:
        """torch's name of the device."""
        return "cpu" if self.is_cpu() else f"cuda:{self.id}"

    def __str__(self) -> str:
        return f"{self.device_type}:{self.id}"


DeviceLike: TypeAlias = "DeviceRef | Device"


class TensorType:
    """The type of a tensor: element type, shape (static or symbolic dims) and device.

    Args:
        dtype: the element type.
        shape: ints for static dims, names for symbolic ones.
        device: a reference or an open device.
    """

    def __init__(self, dtype: DType, shape: ShapeLike, device: DeviceLike) -> None:
        self.dtype = dtype
        self.shape = Shape(shape)
        self.device = DeviceRef.from_device(device)

    @property
    def rank(self) -> int:
        """How many dims the shape has."""
        return len(self.shape)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # its shape is a list

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.dtype}, {self.shape}, {self.device})"


class BufferType(TensorType):
    """The type of a tensor that the graph may write to: a KV cache, say."""
