"""What a checkpoint's weights are to the code that builds a model from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from max.dtype import DType
from max.graph.quantization import QuantizationEncoding
from max.graph.shape import ShapeLike
from max.graph.type import DeviceLike
from max.graph.weight import Weight
from max.graph.weights.weight_data import WeightData


@runtime_checkable
class Weights(Protocol):
    """A place in a checkpoint: `weights.model.layers[0].weight` is where that name leads."""

    @property
    def name(self) -> str:
        """The path to here; a weight's full name when there is one."""

    def __getattr__(self, attr: str) -> Weights:
        """The place below this one; there need not be a weight."""

    def __getitem__(self, index: int | str) -> Weights:
        """The place below this one, for numbers and for names that are no identifiers."""

    def exists(self) -> bool:
        """Whether there is a weight here."""

    def items(self) -> Iterator[tuple[str, Weights]]:
        """The full names of all weights at or below this place, and their places."""

    def data(self) -> WeightData:
        """The weight here.

        Raises:
            KeyError: if there is none.
        """

    def allocate(
        self,
        dtype: DType | None = None,
        shape: ShapeLike | None = None,
        quantization_encoding: QuantizationEncoding | None = None,
        device: DeviceLike | None = None,
    ) -> Weight:
        """The weight here as one of a graph, which `allocated_weights` has the elements of.

        Raises:
            KeyError: if there is none.
            ValueError: if it is of another dtype or shape than told.
        """

    @property
    def allocated_weights(self) -> Mapping[str, WeightData]:
        """All weights that were allocated from this checkpoint, by name: a `weights_registry`."""


class WeightsAdapter(Protocol):
    """Gives a checkpoint's weights the names that a model has for them."""

    def __call__(self, state_dict: dict[str, Weights], **kwargs: Any) -> dict[str, WeightData]:
        """The model's weights by name, from the checkpoint's by name."""
