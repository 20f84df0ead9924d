"""Reads the tensors of a PEFT adapter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from max.graph.weights import WeightsFileError
from max.graph.weights.safetensors_files import SafetensorsFiles
from max.pipelines.lora.errors import AdapterError
from max.pipelines.lora.peft_config import PeftConfig
from max.pipelines.lora.peft_files import weights_path

_PREFIX = "base_model.model."
# What stands behind a layer's name, and the field that it is.
_PARTS = {
    "lora_A.weight": "a",
    "lora_B.weight": "b",
    "lora_B.bias": "b_bias",
    "lora_embedding_A": "a",
    "lora_embedding_B": "b",
    "lora_magnitude_vector": "magnitude",
    "lora_magnitude_vector.weight": "magnitude",
    "base_layer.weight": "weight",
    "base_layer.bias": "bias",
    "weight": "weight",
    "bias": "bias",
}
_KEY = re.compile(rf"(?P<layer>.+?)\.(?P<part>{'|'.join(map(re.escape, _PARTS))})")


@dataclass(frozen=True)
class PeftLayer:
    """One layer's part of an adapter, in Hugging Face's order of rows and columns.

    Args:
        a: [rank, inputs]; of an embedding [rank, rows of the table].
        b: [outputs, rank].
        scale: of their product.
        b_bias: [outputs], added to the product before it is scaled.
        magnitude: [outputs], the norms of the rows of the whole weight (DoRA, Liu et al., 2024).
        bias: [outputs], in place of the layer's own.
        weight: a copy of the layer's weight, or what is in place of it.
        is_embedding: whether a and b are of an embedding.
    """

    a: torch.Tensor | None = None
    b: torch.Tensor | None = None
    scale: float = 1.0
    b_bias: torch.Tensor | None = None
    magnitude: torch.Tensor | None = None
    bias: torch.Tensor | None = None
    weight: torch.Tensor | None = None
    is_embedding: bool = False


def read_peft_adapter(folder: Path) -> dict[str, PeftLayer]:
    """An adapter's layers by their names in Hugging Face's model, `model.layers.0.mlp.up_proj`.

    Raises:
        AdapterError: if its files cannot be read, have a tensor of unknown meaning, or contradict
            each other.
    """
    config = PeftConfig.read(folder)
    try:
        tensors = SafetensorsFiles([weights_path(folder)])
    except WeightsFileError as error:
        raise AdapterError(str(error)) from error
    return layers_of(tensors, config)


def layers_of(tensors: Mapping[str, torch.Tensor], config: PeftConfig) -> dict[str, PeftLayer]:
    """The layers of an adapter's tensors; see `read_peft_adapter`."""
    layers: dict[str, PeftLayer] = {}
    for key in tensors:
        found = _KEY.fullmatch(key.removeprefix(_PREFIX))
        if not key.startswith(_PREFIX) or found is None:
            raise AdapterError(f"nothing is known of the tensor '{key}' in it")
        name, part = found["layer"], found["part"]
        layer = layers.get(name, PeftLayer(scale=config.scale_of(name)))
        is_embedding = layer.is_embedding or part.startswith("lora_embedding")
        found_part: dict[str, Any] = {_PARTS[part]: tensors[key]}
        layers[name] = replace(layer, is_embedding=is_embedding, **found_part)
    if all(layer.a is None for layer in layers.values()):
        raise AdapterError("it has no tensors lora_A: it changes nothing")
    for name, layer in layers.items():
        _check(name, layer, config)
    return layers


def _check(name: str, layer: PeftLayer, config: PeftConfig) -> None:
    if (layer.a is None) != (layer.b is None):
        raise AdapterError(f"it has only one of lora_A and lora_B for '{name}'")
    if layer.a is None or layer.b is None:
        return
    if layer.a.ndim != 2 or layer.b.ndim != 2:
        raise AdapterError(f"lora_A and lora_B of '{name}' are no matrices")
    rank = config.rank_of(name)
    if layer.a.shape[0] != rank or layer.b.shape[1] != rank:
        raise AdapterError(
            f"lora_A of '{name}' is {list(layer.a.shape)} and lora_B {list(layer.b.shape)}, but "
            f"the rank of that layer is {rank} in adapter_config.json"
        )
    if layer.is_embedding and layer.magnitude is not None:
        raise AdapterError(f"use_dora on the embedding '{name}' is not supported")
