"""Adapters in PEFT's format, written tensor by tensor, and their weights merged into a model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from integration.test_common.torch_reference import TorchReference

CONFIG: Mapping[str, Any] = {
    "peft_type": "LORA",
    "r": 4,
    "lora_alpha": 8,
    "target_modules": ["q_proj", "v_proj"],
    "bias": "none",
}


def write_adapter(folder: Path, tensors: Mapping[str, torch.Tensor], **settings: Any) -> Path:
    """Writes an adapter.

    Args:
        folder: created.
        tensors: by their names in the file, without `base_model.model.`.
        settings: further fields of adapter_config.json, or other values of `CONFIG`'s.

    Returns:
        The folder.
    """
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({**CONFIG, **settings}))
    save_file(
        {f"base_model.model.{name}": tensor.contiguous() for name, tensor in tensors.items()},
        folder / "adapter_model.safetensors",
    )
    return folder


def write_random_adapter(
    folder: Path,
    base: Path,
    targets: Sequence[str] = ("q_proj", "v_proj"),
    rank: int = 4,
    seed: int = 0,
) -> Path:
    """Writes an adapter of random weights, whose effect is plain, for a checkpoint's layers."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, layer in TorchReference(base, "float32").model.named_modules():
        if isinstance(layer, torch.nn.Linear) and name.rpartition(".")[2] in targets:
            outputs, inputs = layer.weight.shape
            a = torch.randn(rank, inputs, generator=generator) * inputs**-0.5
            tensors[f"{name}.lora_A.weight"] = a
            tensors[f"{name}.lora_B.weight"] = torch.randn(outputs, rank, generator=generator) * 0.3
    return write_adapter(folder, tensors, r=rank, lora_alpha=2 * rank)


class MergedReference(TorchReference):
    """A checkpoint with the products of `write_random_adapter` added to its weights."""

    def __init__(self, base: Path, adapter: Path) -> None:
        from safetensors.torch import load_file

        super().__init__(base, "float32")
        tensors = load_file(adapter / "adapter_model.safetensors")
        for key, a in tensors.items():
            if key.endswith(".lora_A.weight"):
                b = tensors[key.replace("lora_A", "lora_B")]
                name = key.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
                layer = self.model.get_submodule(name)
                layer.weight.data += 2.0 * b @ a
