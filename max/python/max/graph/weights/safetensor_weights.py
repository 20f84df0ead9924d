"""Weights of safetensors files."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike

from max.dtype import DType
from max.graph.quantization import QuantizationEncoding
from max.graph.shape import Shape, ShapeLike
from max.graph.type import DeviceLike, DeviceRef
from max.graph.weight import Weight
from max.graph.weights.format import weight_paths
from max.graph.weights.safetensors_files import SafetensorsFiles
from max.graph.weights.weight_data import WeightData


class SafetensorWeights:
    """`Weights` of one safetensors file or of shards. Elements stay on disk until they are used.

    Args:
        filepaths: the files.

    Raises:
        WeightsFileError: if one is missing or corrupt, or a tensor is in two of them.
    """

    def __init__(self, filepaths: Sequence[str | PathLike[str]] | str | PathLike[str]) -> None:
        self._files = SafetensorsFiles(weight_paths(filepaths))
        self._name = ""
        self._allocated: dict[str, WeightData] = {}

    @property
    def name(self) -> str:
        """The path to here; a weight's full name when there is one."""
        return self._name

    def __getattr__(self, attr: str) -> SafetensorWeights:
        if attr.startswith("__"):
            raise AttributeError(attr)
        return self._at(f"{self._name}.{attr}" if self._name else attr)

    def __getitem__(self, index: int | str) -> SafetensorWeights:
        return self._at(f"{self._name}.{index}" if self._name else str(index))

    def _at(self, name: str) -> SafetensorWeights:
        place = object.__new__(SafetensorWeights)
        place._files, place._name, place._allocated = self._files, name, self._allocated
        return place

    def exists(self) -> bool:
        """Whether there is a weight here."""
        return self._name in self._files

    def items(self) -> Iterator[tuple[str, SafetensorWeights]]:
        """The full names of all weights at or below this place, and their places."""
        for name in self._files:
            if name == self._name or name.startswith(f"{self._name}." if self._name else ""):
                yield name, self._at(name)

    def data(self) -> WeightData:
        """The weight here; its elements are mapped from the file, not copied.

        Raises:
            KeyError: if there is none.
        """
        dtype, shape = self._files.info(self._require())
        return WeightData(self._files[self._name], self._name, dtype, shape)

    @property
    def dtype(self) -> DType:
        """The type of the weight's elements."""
        return self._files.info(self._require()).dtype

    @property
    def shape(self) -> Shape:
        """The sizes of the weight's axes."""
        return self._files.info(self._require()).shape

    def allocate(
        self,
        dtype: DType | None = None,
        shape: ShapeLike | None = None,
        quantization_encoding: QuantizationEncoding | None = None,
        device: DeviceLike | None = None,
    ) -> Weight:
        """The weight here as one of a graph, which `allocated_weights` has the elements of.

        Args:
            dtype: checked when given.
            shape: checked when given.
            quantization_encoding: must be None: safetensors weights are not encoded in blocks.
            device: where it lives when the model runs; the host unless given.

        Raises:
            KeyError: if there is none.
            ValueError: if it is of another dtype or shape than told.
        """
        found = self.data()
        if quantization_encoding is not None:
            raise ValueError(f"weight '{self._name}' is not {quantization_encoding.name}-encoded")
        if dtype is not None and dtype is not found.dtype:
            raise ValueError(f"weight '{self._name}' is {found.dtype}, not {dtype}")
        if shape is not None and Shape(shape) != found.shape:
            raise ValueError(f"weight '{self._name}' has shape {found.shape}, not {Shape(shape)}")
        self._allocated[self._name] = found
        return Weight(self._name, found.dtype, found.shape, device or DeviceRef.CPU())

    @property
    def allocated_weights(self) -> Mapping[str, WeightData]:
        """All weights that were allocated from this checkpoint, by name: a `weights_registry`."""
        return self._allocated

    def _require(self) -> str:
        if self._name not in self._files:
            near = difflib.get_close_matches(self._name, list(self._files), n=3)
            hint = f"; nearest: {', '.join(near)}" if near else ""
            raise KeyError(f"no weight '{self._name}' among the {len(self._files)}{hint}")
        return self._name

    def __repr__(self) -> str:
        return f"SafetensorWeights('{self._name}', {sum(1 for _ in self.items())} weights)"
