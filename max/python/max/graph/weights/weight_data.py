"""The elements of one weight, as read from a checkpoint and as handed to a model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from max.driver import Buffer
from max.dtype import DType
from max.graph.quantization import QuantizationEncoding
from max.graph.shape import Shape


@dataclass
class WeightData:
    """A named array, and what its elements are.

    Args:
        data: an array of any library that speaks DLPack; torch's for dtypes that numpy lacks.
        name: the weight's name.
        dtype: the element type.
        shape: the sizes of the axes.
        quantization_encoding: how blocks of elements are encoded, for quantized weights.
    """

    data: Any
    name: str
    dtype: DType
    shape: Shape
    quantization_encoding: QuantizationEncoding | None = None

    @classmethod
    def from_numpy(cls, arr: npt.NDArray[Any], name: str) -> WeightData:
        """A weight of a numpy array, whose memory it shares."""
        return cls(arr, name, DType.from_numpy(arr.dtype), Shape(arr.shape))

    def to_buffer(self) -> Buffer:
        """The elements; shares their memory.

        Raises:
            ValueError: if they are not of `dtype` and `shape`.
        """
        buffer = Buffer.from_dlpack(self.data)
        if buffer.dtype is not self.dtype or self.shape != buffer.shape:
            raise ValueError(
                f"weight '{self.name}' says {self.dtype} {self.shape}, but its data is "
                f"{buffer.dtype} {list(buffer.shape)}: give the new ones too when replacing data"
            )
        return buffer

    def astype(self, dtype: DType) -> WeightData:
        """The elements converted to `dtype`; itself when they are that already."""
        if dtype is self.dtype:
            return self
        tensor = self.to_buffer().tensor.to(dtype.to_torch())
        return replace(self, data=tensor, dtype=dtype)

    def to_numpy(self) -> npt.NDArray[Any]:
        """The elements as numpy has them.

        Raises:
            ValueError: for dtypes that numpy does not have (bfloat16, float8).
        """
        return self.to_buffer().to_numpy()

    def __array__(
        self, dtype: np.dtype[Any] | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        return np.array(self.to_numpy(), dtype=dtype, copy=copy)

    def __dlpack__(self, *, stream: Any = None, **options: Any) -> Any:
        return self.to_buffer().__dlpack__(stream=stream, **options)

    def __dlpack_device__(self) -> Any:
        return self.to_buffer().__dlpack_device__()

    def __repr__(self) -> str:
        return f"WeightData('{self.name}', {self.dtype}, {self.shape})"
