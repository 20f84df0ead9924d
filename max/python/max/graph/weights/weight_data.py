"""The elements of one weight, as read from a checkpoint and as handed to a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from max.driver import Buffer
from max.dtype import DType
from max.graph.quantization import QuantizationEncoding
from max.graph.shape import Shape

_ENCODING_OF_DTYPE = {
    DType.float16: QuantizationEncoding.F16,
    DType.bfloat16: QuantizationEncoding.BF16,
}


@dataclass(frozen=True)
class Deferred:
    """Elements that are made when they are used, each time anew, so that nobody keeps them."""

    make: Callable[[], torch.Tensor]


@dataclass
class WeightData:
    """A named array, and what its elements are.

    Args:
        data: an array of any library that speaks DLPack; torch's for dtypes that numpy lacks; or
            `Deferred`, when it is made only as it is used.
        name: the weight's name.
        dtype: the element type; uint8 when they are encoded.
        shape: the sizes of the axes of `data`, whose last one counts bytes when they are encoded.
        quantization_encoding: how the rows are encoded; None for plain elements.
        release_pages: gives back the memory that reading the data, or that many of its first bytes,
            took, when they are mapped from a file; None where there is nothing to give back.
    """

    data: Any
    name: str
    dtype: DType
    shape: Shape
    quantization_encoding: QuantizationEncoding | None = None
    release_pages: Callable[[int | None], None] | None = field(
        default=None, repr=False, compare=False
    )

    @classmethod
    def from_numpy(cls, arr: npt.NDArray[Any], name: str) -> WeightData:
        """A weight of a numpy array, whose memory it shares."""
        return cls(arr, name, DType.from_numpy(arr.dtype), Shape(arr.shape))

    def to_buffer(self) -> Buffer:
        """The elements; shares their memory (deferred ones are made now).

        Raises:
            ValueError: if they are not of `dtype` and `shape`.
        """
        data = self.data.make() if isinstance(self.data, Deferred) else self.data
        buffer = Buffer.from_dlpack(data)
        if buffer.dtype is not self.dtype or self.shape != buffer.shape:
            raise ValueError(
                f"weight '{self.name}' says {self.dtype} {self.shape}, but its data is "
                f"{buffer.dtype} {list(buffer.shape)}: give the new ones too when replacing data"
            )
        return buffer

    def astype(self, dtype: DType) -> WeightData:
        """The elements converted to `dtype`; itself when they are that already.

        Raises:
            ValueError: if they are encoded.
        """
        if self.quantization_encoding is not None:
            raise ValueError(f"weight '{self.name}' is {self.quantization_encoding.name}-encoded")
        if dtype is self.dtype:
            return self
        tensor = self.to_buffer().tensor.to(dtype.to_torch())
        return replace(self, data=tensor, dtype=dtype, release_pages=None)

    def derived(
        self,
        make: Callable[[], torch.Tensor],
        dtype: DType,
        shape: Shape | None = None,
        quantization_encoding: QuantizationEncoding | None = None,
    ) -> WeightData:
        """What is made of this weight, each time that it is used, so that nobody keeps it.

        Args:
            make: makes the elements; the pages that it has read are given back afterwards.
            dtype: of the result.
            shape: of the result; this weight's unless given.
            quantization_encoding: of the result.
        """

        def make_and_release() -> torch.Tensor:
            made = make()
            if self.release_pages is not None:
                self.release_pages(None)
            return made

        data, shape = Deferred(make_and_release), shape or self.shape
        return WeightData(data, self.name, dtype, shape, quantization_encoding)

    def as_encoded(self) -> WeightData:
        """float16 or bfloat16 elements as rows of bytes, which layers of another type decode.

        Raises:
            ValueError: if the elements are of another type.
        """
        encoding = _ENCODING_OF_DTYPE.get(self.dtype)
        if encoding is None:
            raise ValueError(f"weight '{self.name}' is {self.dtype}, not float16 or bfloat16")
        data = self.to_buffer().tensor.contiguous().view(torch.uint8)
        shape = Shape(data.shape)
        return WeightData(data, self.name, DType.uint8, shape, encoding, self.release_pages)

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
