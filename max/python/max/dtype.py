"""Data types of tensors, shared by graphs, buffers, weights and caches."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

# Inside the class body below, `bool` is the member, not the builtin.
_bool = bool

if TYPE_CHECKING:
    import numpy as np
    import torch


class DType(Enum):
    """An element type. The value is its name, which is also torch's name for it."""

    bool = "bool"
    int8 = "int8"
    int16 = "int16"
    int32 = "int32"
    int64 = "int64"
    uint8 = "uint8"
    uint16 = "uint16"
    uint32 = "uint32"
    uint64 = "uint64"
    float8_e4m3fn = "float8_e4m3fn"
    float16 = "float16"
    bfloat16 = "bfloat16"
    float32 = "float32"
    float64 = "float64"

    def __repr__(self) -> str:
        return f"DType.{self.value}"

    def __str__(self) -> str:
        return self.value

    @property
    def size_in_bytes(self) -> int:
        """Bytes of one element."""
        return _SIZES[self]

    def is_float(self) -> _bool:
        """Whether this is a floating-point type."""
        return "float" in self.value

    def is_float8(self) -> _bool:
        """Whether this is a floating-point type of eight bits."""
        return self is DType.float8_e4m3fn

    def is_integral(self) -> _bool:
        """Whether this is a signed or unsigned integer type (bool is not)."""
        return "int" in self.value

    def to_torch(self) -> torch.dtype:
        """The torch dtype of the same elements."""
        import torch

        dtype: torch.dtype = getattr(torch, self.value)
        return dtype

    @classmethod
    def from_torch(cls, dtype: torch.dtype) -> DType:
        """The DType of a torch dtype.

        Raises:
            ValueError: if no DType has these elements (a complex or quantized type, say).
        """
        return cls._named(str(dtype).removeprefix("torch."))

    def to_numpy(self) -> np.dtype[np.generic]:
        """The numpy dtype of the same elements.

        Raises:
            ValueError: for bfloat16 and float8, which numpy does not have.
        """
        import numpy as np

        if self in (DType.bfloat16, DType.float8_e4m3fn):
            raise ValueError(f"numpy has no {self}; cast to float32 first")
        dtype: np.dtype[np.generic] = np.dtype(self.value)
        return dtype

    @classmethod
    def from_numpy(cls, dtype: np.dtype[np.generic] | type[np.generic]) -> DType:
        """The DType of a numpy dtype.

        Raises:
            ValueError: if no DType has these elements.
        """
        import numpy as np

        return cls._named(np.dtype(dtype).name)

    @classmethod
    def _named(cls, name: str) -> DType:
        if name not in cls._value2member_map_:
            raise ValueError(f"no DType for '{name}'; known: {', '.join(d.value for d in cls)}")
        return cls(name)


_SIZES = {
    DType.bool: 1,
    DType.int8: 1,
    DType.int16: 2,
    DType.int32: 4,
    DType.int64: 8,
    DType.uint8: 1,
    DType.uint16: 2,
    DType.uint32: 4,
    DType.uint64: 8,
    DType.float8_e4m3fn: 1,
    DType.float16: 2,
    DType.bfloat16: 2,
    DType.float32: 4,
    DType.float64: 8,
}
