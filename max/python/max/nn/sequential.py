"""Lists of layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from max.nn.module import Module


class LayerList(Module):
    """Layers whose names are their indices: `layers.0`, `layers.1`, ..."""

    def __init__(self, layers: Iterable[Module]) -> None:
        super().__init__()
        for i, layer in enumerate(layers):
            setattr(self, str(i), layer)

    def __getitem__(self, index: int) -> Module:
        return list(self.sublayers.values())[index]

    def __len__(self) -> int:
        return len(self.sublayers)

    def __iter__(self) -> Iterator[Module]:
        return iter(list(self.sublayers.values()))

    def append(self, layer: Module) -> None:
        """Adds a layer at the end."""
        setattr(self, str(len(self)), layer)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Not callable: a list does not say how its layers are joined."""
        raise TypeError("a LayerList cannot be called; call its layers, or use Sequential")


class Sequential(LayerList):
    """Layers in a row: each takes what the one before gives."""

    def __call__(self, x: Any) -> Any:
        """Applies the layers in order."""
        for layer in self:
            x = layer(x)
        return x
