"""Weights that an adapter has in place of the model's own: PEFT's `modules_to_save`."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from max.nn.lora import LayerKind, LayerSlots
from max.pipelines.lora.adaptable_model import AdaptableModel
from max.pipelines.lora.errors import AdapterError

_MERGE = "merge it into the model with peft's merge_and_unload()"


def replaced_weights(
    weights: Mapping[str, torch.Tensor], model: AdaptableModel, *, is_copy: bool
) -> dict[str, torch.Tensor]:
    """The weights that are not the model's own.

    Args:
        weights: by the paths of layers, as the model has them.
        model: that they are for.
        is_copy: whether they are the model's own of a quantized model, which cannot tell.

    Raises:
        AdapterError: if a layer cannot have such a weight; says why.
    """
    found = {}
    for path, weight in weights.items():
        own = model.stored_elements(f"{path}.weight")
        is_same = own is not None and own.shape == weight.shape
        if is_same and own is not None:
            is_exact = model.is_exact(f"{path}.weight")
            is_same = torch.equal(own.to(weight.dtype), weight) if is_exact else is_copy
        if not is_same:
            _check(path, weight, model)
            found[path] = weight
    return found


def norm_factors(path: str, weight: torch.Tensor, model: AdaptableModel) -> torch.Tensor:
    """What a norm's results are multiplied with, so that they are those of another weight.

    Raises:
        AdapterError: if the norm's own weight has zeros.
    """
    own = model.stored_elements(f"{path}.weight")
    offset = model.adapter_slots[path].norm_offset
    if own is None or bool((own + offset == 0).any()):
        raise AdapterError(
            f"it replaces '{path}.weight', of which the model's has zeros or is not known, so that "
            f"no factor makes the one of the other: {_MERGE}"
        )
    return (weight.float() + offset) / (own + offset)


def _check(path: str, weight: torch.Tensor, model: AdaptableModel) -> None:
    name = path.rpartition(".")[2]
    given = f"it replaces all of '{path}.weight' (modules_to_save, or a vocabulary that has grown)"
    slots = model.adapter_slots.get(path)
    if slots is None or not slots.takes_weights:
        raise AdapterError(
            f"{given}, for which slots have no room: start with --lora-modules-to-save {name} (for "
            "linear layers, embeddings and norms that read a batch's rows; experts and norms of "
            f"heads are none), or {_MERGE}"
        )
    if list(weight.shape) != (shape := _shape(slots)):
        raise AdapterError(
            f"{given} of {shape} by {list(weight.shape)}; the model's layers, and its vocabulary, "
            f"are of one size for all requests: {_MERGE}"
        )
    if not bool(torch.isfinite(weight).all()):
        raise AdapterError(f"'{path}.weight' in it has numbers that are not finite")


def _shape(slots: LayerSlots) -> list[int]:
    """Of the layer's weight."""
    if slots.kind is LayerKind.NORM:
        return [slots.outputs]
    is_table = slots.kind is LayerKind.TABLE
    return [slots.inputs, slots.outputs] if is_table else [slots.outputs, slots.inputs]
