"""The number of a layer of the cache."""

from __future__ import annotations

from max.graph import TensorValue


def static_layer_index(layer_idx: int | TensorValue) -> int:
    """The layer's number; packages also give it as `ops.constant(number, ...)`.

    Raises:
        ValueError: if it is a tensor that is not a constant.
    """
    if isinstance(layer_idx, int):
        return layer_idx
    if layer_idx.graph is None:
        return int(layer_idx.data.item())
    name = layer_idx.node.meta.get("name") if layer_idx.node is not None else None
    if name not in layer_idx.graph.constants:
        raise ValueError(f"layer_idx must be an int or ops.constant(...), got {layer_idx!r}")
    return int(layer_idx.graph.constants[name].item())
