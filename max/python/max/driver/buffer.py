"""Buffers: tensors in a device's memory, outside any graph. Importing this imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from max.driver.device import CPU, Device
from max.dtype import DType

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch


@runtime_checkable
class DLPackArray(Protocol):
    """An array of any library that speaks DLPack."""

    def __dlpack__(self, *, stream: Any = None) -> Any: ...

    def __dlpack_device__(self) -> tuple[int, int]: ...


class Buffer:
    """Elements of one dtype in row-major order on one device; wraps a torch tensor.

    Args:
        tensor: the tensor to wrap, whose memory is shared; or the dtype of a new buffer.
        shape: of a new buffer, whose elements are not set.
        device: of a new buffer; the host unless given.
        dtype: of a new buffer, by its name.
    """

    def __init__(
        self,
        tensor: torch.Tensor | DType | None = None,
        shape: Sequence[int] | None = None,
        device: Device | None = None,
        *,
        dtype: DType | None = None,
    ) -> None:
        import torch

        if isinstance(tensor, torch.Tensor):
            self.tensor = tensor
            return
        dtype = dtype or tensor
        if dtype is None or shape is None:
            raise TypeError(
                f"a new Buffer needs a dtype and a shape, got dtype={dtype!r} and shape={shape!r}"
            )
        where = (device or CPU()).to_torch()
        self.tensor = torch.empty(tuple(shape), dtype=dtype.to_torch(), device=where)

    @classmethod
    def zeros(cls, shape: Sequence[int], dtype: DType, device: Device | None = None) -> Buffer:
        """A new buffer of zeros (on the host unless a device is given)."""
        import torch

        where = (device or CPU()).to_torch()
        return cls(torch.zeros(tuple(shape), dtype=dtype.to_torch(), device=where))

    @classmethod
    def from_numpy(cls, array: npt.NDArray[Any]) -> Buffer:
        """Shares the array's memory (a read-only array is copied)."""
        import torch

        buffer = cls.__new__(cls)  # Several times in each step.
        buffer.tensor = torch.from_numpy(array if array.flags.writeable else array.copy())
        return buffer

    @classmethod
    def from_dlpack(cls, array: Any) -> Buffer:
        """Shares the memory of a DLPack array (numpy, torch, ...)."""
        if isinstance(array, Buffer):
            return array
        import numpy as np
        import torch

        if isinstance(array, torch.Tensor):
            return cls(array.detach())
        if isinstance(array, np.ndarray):
            return cls.from_numpy(array)
        if not isinstance(array, DLPackArray):
            raise TypeError(
                f"expected an array (numpy, torch, Buffer, DLPack), got {type(array).__name__}"
            )
        return cls(torch.utils.dlpack.from_dlpack(array))

    @classmethod
    def scalar(cls, value: float, dtype: DType, device: Device | None = None) -> Buffer:
        """A buffer of rank 0."""
        import torch

        where = (device or CPU()).to_torch()
        return cls(torch.tensor(value, dtype=dtype.to_torch(), device=where))

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of its axes."""
        return tuple(self.tensor.shape)

    @property
    def rank(self) -> int:
        """How many axes it has."""
        return self.tensor.ndim

    @property
    def dtype(self) -> DType:
        """The type of its elements."""
        return DType.from_torch(self.tensor.dtype)

    @property
    def device(self) -> Device:
        """Where it lives."""
        return Device.from_torch(self.tensor.device)

    @property
    def num_elements(self) -> int:
        """The product of its shape."""
        return self.tensor.numel()

    @property
    def element_size(self) -> int:
        """Bytes of one element."""
        return self.tensor.element_size()

    def to(self, device: Device) -> Buffer:
        """This buffer on `device`: itself when it is there already, else a copy."""
        if device.is_host and self.tensor.is_cpu:
            return self
        return Buffer(moved(self.tensor, device.to_torch()))

    def copy(self) -> Buffer:
        """A copy on the same device."""
        return Buffer(self.tensor.clone())

    def inplace_copy_from(self, source: Buffer) -> None:
        """Overwrites the elements with those of `source`, which has the same shape."""
        self.tensor.copy_(source.tensor)

    def view(self, dtype: DType, shape: Sequence[int] | None = None) -> Buffer:
        """The same bytes seen as another dtype (and shape)."""
        viewed = self.tensor.view(dtype.to_torch())
        return Buffer(viewed if shape is None else viewed.view(tuple(shape)))

    def to_numpy(self) -> npt.NDArray[Any]:
        """A numpy array; shares memory when the buffer is on the host.

        Raises:
            ValueError: for dtypes that numpy does not have (bfloat16, float8).
        """
        self.dtype.to_numpy()
        array: np.ndarray[Any, Any] = self.tensor.cpu().numpy()
        return array

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        array = self.to_numpy()
        if dtype is not None:
            array = array.astype(dtype, copy=False)
        return array.copy() if copy else array

    def item(self) -> float | int | bool:
        """The only element."""
        return self.tensor.item()

    def __getitem__(self, index: Any) -> Buffer:
        return Buffer(self.tensor[index])

    def __len__(self) -> int:
        return len(self.tensor)

    def __dlpack__(self, *, stream: Any = None, **options: Any) -> Any:
        return self.tensor.__dlpack__(stream=stream, **options)

    def __dlpack_device__(self) -> Any:
        return self.tensor.__dlpack_device__()

    def __repr__(self) -> str:
        return f"Buffer({self.dtype}, {list(self.shape)}, {self.device})"


# Up to so many bytes are copied by way of memory that the system cannot move.
_PINNED_BYTES = 1 << 20


def moved(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor on a device: itself when it is there already, else a copy.

    A small one of the host goes to an accelerator without waiting for the work before it: from
    memory that the device can read itself, at its turn.
    """
    if device.type != "cuda" or not tensor.is_cpu or tensor.nbytes > _PINNED_BYTES:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
