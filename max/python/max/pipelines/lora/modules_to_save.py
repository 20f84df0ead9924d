"""Which layers an adapter may have whole weights of."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from max.graph.weights.headers.errors import WeightsFileError
from max.graph.weights.headers.safetensors import read_safetensors_header
from max.nn.lora import LayerSlots
from max.pipelines.config import LoRAConfig
from max.pipelines.lora.errors import AdapterError
from max.pipelines.lora.peft_files import adapter_folder, weights_path
from max.pipelines.modeling.errors import ConfigurationError


def modules_to_save(config: LoRAConfig) -> frozenset[str]:
    """Names of the layers, or ends of their paths: as configured, else those of which the adapters
    to load at the start have whole weights (PEFT's `modules_to_save`, and what is tied to them).
    """
    if config.lora_modules_to_save is not None:
        return frozenset(config.lora_modules_to_save)
    found: set[str] = set()
    for path in config.adapters.values():
        # What cannot be read is refused where it is loaded.
        with suppress(AdapterError, WeightsFileError):
            found |= _saved_in(adapter_folder(path, config.lora_root))
    return frozenset(found)


def _saved_in(folder: Path) -> set[str]:
    """The last parts of the names of layers whose whole weights an adapter has."""
    names = read_safetensors_header(weights_path(folder))
    parts = [name.split(".") for name in names if name.endswith(".weight")]
    products = ("base_layer", "lora_A", "lora_B", "lora_magnitude_vector")
    return {layer for *_, layer, _ in parts if layer not in products}


def check_modules_to_save(config: LoRAConfig, layers: Mapping[str, LayerSlots]) -> None:
    """Whether each layer that was asked for is there.

    Args:
        config: what was asked for.
        layers: that adapters are applied to, by path.

    Raises:
        ConfigurationError: if one is not.
    """
    taking = {f".{path}" for path, slots in layers.items() if slots.takes_weights}
    for name in config.lora_modules_to_save or ():
        if not any(path.endswith(f".{name}") for path in taking):
            known = ", ".join(sorted({path.rpartition(".")[2] for path in layers}))
            raise ConfigurationError(
                f"--lora-modules-to-save {name}: no linear layer, embedding or norm that reads a "
                f"batch's rows is called so. There are {known}, and norms"
            )
