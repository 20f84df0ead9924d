"""Reads the tensors of a PEFT adapter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from max.graph.weights import WeightsFileError
from max.graph.weights.safetensors_files import SafetensorsFiles
from max.pipelines.lora.errors import AdapterError
from max.pipelines.lora.peft_config import PeftConfig
from max.pipelines.lora.peft_experts import stack_expert_layers
from max.pipelines.lora.peft_files import weights_path
from max.pipelines.lora.peft_layer import PeftLayer

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
    "base_layer.weight": "base_weight",
    "base_layer.bias": "bias",
    "weight": "weight",
    "bias": "bias",
}
_KEY = re.compile(rf"(?P<layer>.+?)\.(?P<part>{'|'.join(map(re.escape, _PARTS))})")


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
    if all(layer.a is None and layer.weight is None for layer in layers.values()):
        raise AdapterError("it has no tensors lora_A, and no whole weights: it changes nothing")
    for name, layer in layers.items():
        _check_pair(name, layer)
    layers = stack_expert_layers(layers, config)
    for name, layer in layers.items():
        _check(name, layer, config)
    return layers


def _check_pair(name: str, layer: PeftLayer) -> None:
    if (layer.a is None) != (layer.b is None):
        raise AdapterError(f"it has only one of lora_A and lora_B for '{name}'")
    if any(each is not None and each.ndim != 2 for each in (layer.a, layer.b)):
        raise AdapterError(f"lora_A and lora_B of '{name}' are no matrices")


def _check(name: str, layer: PeftLayer, config: PeftConfig) -> None:
    if layer.a is None or layer.b is None:
        return
    rank = config.rank_of(name)
    if layer.a.shape[-2] != rank or layer.b.shape[-1] != rank:
        raise AdapterError(
            f"lora_A of '{name}' is {list(layer.a.shape)} and lora_B {list(layer.b.shape)}, but "
            f"the rank of that layer is {rank} in adapter_config.json"
        )
    if layer.is_embedding and layer.magnitude is not None:
        raise AdapterError(f"use_dora on the embedding '{name}' is not supported")
