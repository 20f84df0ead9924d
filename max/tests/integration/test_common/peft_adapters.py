"""LoRA adapters made by PEFT itself, and what it computes with them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from integration.test_common.lora_files import write_adapter
from integration.test_common.torch_reference import TorchReference


def make_adapter(base: Path, folder: Path, *, seed: int = 0, **settings: Any) -> Path:
    """Writes an adapter of random weights, whose effect on all logits is plain.

    Args:
        base: the checkpoint that it is for.
        folder: created.
        seed: of its weights.
        settings: of `peft.LoraConfig`.

    Returns:
        The folder.
    """
    import peft

    usual = {"r": 4, "lora_alpha": 12, "target_modules": ["q_proj", "v_proj"], "lora_dropout": 0.0}
    config = peft.LoraConfig(task_type="CAUSAL_LM", **{**usual, **settings})
    with _deprecations_of_others():
        model: Any = peft.get_peft_model(TorchReference(base, "float32").model, config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "lora_magnitude" in name:
                parameter.mul_(1 + 0.2 * noise)
            elif "lora_" in name or parameter.requires_grad:
                parameter.copy_(noise * parameter.shape[-1] ** -0.5 * 0.5)
    with _deprecations_of_others():
        model.save_pretrained(folder)
    return folder


def write_single_experts(stacked: Path, folder: Path) -> Path:
    """Writes an adapter of Mixtral's stacked experts as one whose experts are modules.

    Args:
        stacked: the adapter's folder.
        folder: created.
    """
    fields = json.loads((stacked / "adapter_config.json").read_text("utf-8"))
    rank = fields["r"]
    found = {}
    for key, tensor in load_file(stacked / "adapter_model.safetensors").items():
        name = key.removeprefix("base_model.model.")
        module, is_expert, rest = name.partition(".mlp.experts")
        if not is_expert:
            found[name] = tensor
            continue
        leaves = ("w1", "w3") if rest.startswith(".base_layer") else ("w2",)
        is_a = rest.endswith("lora_A.weight")
        number = tensor.shape[0 if is_a else 1] // rank
        for expert in range(number):
            matrix = (
                tensor.unflatten(0, (number, rank))[expert] if is_a else tensor[:, expert::number]
            )
            parts = [matrix] * len(leaves) if is_a else matrix.chunk(len(leaves))
            for leaf, part in zip(leaves, parts, strict=True):
                kind = "lora_A" if is_a else "lora_B"
                found[f"{module}.block_sparse_moe.experts.{expert}.{leaf}.{kind}.weight"] = (
                    part.clone()
                )
    return write_adapter(folder, found, **{**fields, "target_parameters": None})


class PeftReference(TorchReference):
    """A checkpoint with an adapter, run by PEFT.

    Args:
        base: the checkpoint.
        adapter: the adapter's folder.
        merged: whether the adapter is merged into the weights first.
    """

    def __init__(self, base: Path, adapter: Path, *, merged: bool = False) -> None:
        import peft

        super().__init__(base, "float32")
        with _deprecations_of_others():
            model: Any = peft.PeftModel.from_pretrained(self.model, adapter)
        self.model = (model.merge_and_unload() if merged else model).eval()


@contextmanager
def _deprecations_of_others() -> Iterator[None]:
    """What PEFT calls of transformers and torch is not ours to change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        yield
