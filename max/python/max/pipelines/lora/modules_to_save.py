"""Which layers an adapter may have whole weights of."""

from __future__ import annotations

from collections.abc import Mapping

from max.nn.lora import LayerSlots
from max.pipelines.config import LoRAConfig
from max.pipelines.lora.errors import AdapterError
from max.pipelines.lora.peft_config import PeftConfig
from max.pipelines.lora.peft_files import adapter_folder
from max.pipelines.modeling.errors import ConfigurationError


def modules_to_save(config: LoRAConfig) -> frozenset[str]:
    """Names of the layers, or ends of their paths: as configured, else those that the adapters to
    load at the start have (PEFT's `modules_to_save`).

    Raises:
        AdapterError: if an adapter to load at the start cannot be used; says which.
    """
    if config.lora_modules_to_save is not None:
        return frozenset(config.lora_modules_to_save)
    found: set[str] = set()
    for name, path in config.adapters.items():
        try:
            adapter = PeftConfig.read(adapter_folder(path, config.lora_root))
        except AdapterError as error:
            raise type(error)(f"LoRA adapter '{name}': {error}") from error
        found.update(adapter.modules_to_save)
    return frozenset(found)


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
