"""Finding one's way in the weights of files, whatever their format."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Protocol, Self

import torch

from max.dtype import DType
from max.graph.quantization import QuantizationEncoding
from max.graph.shape import Shape, ShapeLike
from max.graph.type import DeviceLike, DeviceRef
from max.graph.weight import Weight
from max.graph.weights.headers.tensor_info import TensorInfo
from max.graph.weights.weight_data import WeightData


class WeightFiles(Protocol):
    """The tensors of files by name, and what the files say of them."""

    def info(self, name: str) -> TensorInfo: ...
    def release(self, name: str, size: int | None = None) -> None: ...
    def __getitem__(self, name: str) -> torch.Tensor: ...
    def __iter__(self) -> Iterator[str]: ...
    def __contains__(self, name: object) -> bool: ...


class FileWeights:
    """`Weights` of files. Elements stay on disk until they are used.

    Args:
        files: the tensors.
    """

    def __init__(self, files: WeightFiles) -> None:
        self._files = files
        self._name = ""
        self._allocated: dict[str, WeightData] = {}

    @property
    def name(self) -> str:
        """The path to here; a weight's full name when there is one."""
        return self._name

    def __getattr__(self, attr: str) -> Self:
        if attr.startswith("__"):
            raise AttributeError(attr)
        return self._at(f"{self._name}.{attr}" if self._name else attr)

    def __getitem__(self, index: int | str) -> Self:
        return self._at(f"{self._name}.{index}" if self._name else str(index))

    def _at(self, name: str) -> Self:
        place = object.__new__(type(self))
        place._files, place._name, place._allocated = self._files, name, self._allocated
        return place

    def exists(self) -> bool:
        """Whether there is a weight here."""
        return self._name in self._files

    def items(self) -> Iterator[tuple[str, Self]]:
        """The full names of all weights at or below this place, and their places."""
        for name in self._files:
            if name == self._name or name.startswith(f"{self._name}." if self._name else ""):
                yield name, self._at(name)

    def data(self) -> WeightData:
        """The weight here; its elements are mapped from the file, not copied.

        Raises:
            KeyError: if there is none.
        """
        dtype, shape, encoding = self._files.info(self._require())
        release = partial(self._files.release, self._name)
        return WeightData(
            self._files[self._name], self._name, dtype, Shape(shape), encoding, release
        )

    @property
    def dtype(self) -> DType:
        """The type of the weight's elements; uint8 when they are encoded."""
        return self._files.info(self._require()).dtype

    @property
    def shape(self) -> Shape:
        """The sizes of the weight's axes, the last in bytes when its rows are encoded."""
        return Shape(self._files.info(self._require()).shape)

    @property
    def quantization_encoding(self) -> QuantizationEncoding | None:
        """How the weight's rows are encoded; None for plain elements."""
        return self._files.info(self._require()).quantization_encoding

    def allocate(
        self,
        dtype: DType | None = None,
        shape: ShapeLike | None = None,
        quantization_encoding: QuantizationEncoding | None = None,
        device: DeviceLike | None = None,
    ) -> Weight:
        """The weight here as one of a graph, which `allocated_weights` has the elements of.

        Args:
            dtype: checked when given; of an encoded weight, what the graph computes with
                (float32 unless given).
            shape: checked when given; of an encoded weight, in elements or in bytes.
            quantization_encoding: checked when given.
            device: where it lives when the model runs; the host unless given.

        Raises:
            KeyError: if there is none.
            ValueError: if it is of another dtype, shape or encoding than told.
        """
        found = self.data()
        encoding = found.quantization_encoding
        if quantization_encoding is not None and quantization_encoding is not encoding:
            is_other = f", but {encoding.name}" if encoding else ""
            raise ValueError(
                f"weight '{self._name}' is not {quantization_encoding.name}-encoded{is_other}"
            )
        device = device or DeviceRef.CPU()
        if encoding is None:
            weight = Weight(self._name, found.dtype, found.shape, device)
        else:
            *rows, last = found.shape.static_dims
            elements = [*rows, encoding.row_elements(last)]
            computed = DType.float32 if dtype in (None, DType.uint8) else dtype
            weight = Weight(self._name, computed, elements, device, encoding)
        if dtype is not None and dtype not in (weight.dtype, found.dtype):
            raise ValueError(f"weight '{self._name}' is {found.dtype}, not {dtype}")
        if shape is not None and Shape(shape) not in (weight.shape, found.shape):
            raise ValueError(f"weight '{self._name}' has shape {weight.shape}, not {Shape(shape)}")
        self._allocated[self._name] = found
        return weight

    @property
    def allocated_weights(self) -> Mapping[str, WeightData]:
        """All weights that were allocated from this checkpoint, by name: a `weights_registry`."""
        return self._allocated

    def _require(self) -> str:
        if self._name not in self._files:
            names = list(self._files)
            near = difflib.get_close_matches(self._name, names, n=3)
            hint = f"; nearest: {', '.join(near)}" if near else ""
            raise KeyError(f"no weight '{self._name}' among the {len(names)}{hint}")
        return self._name

    def __repr__(self) -> str:
        count = sum(1 for _ in self.items())
        return f"{type(self).__name__}('{self._name}', {count} weights)"
