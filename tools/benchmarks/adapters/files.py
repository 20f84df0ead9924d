"""Writes LoRA adapters of random weights for a checkpoint, as PEFT does.

python3 -m tools.benchmarks.adapters.files --model DIR --output DIR --adapters 8 --rank 16
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

_LINEAR = re.compile(r"(?P<layer>.*\.layers\.\d+\..*_proj)\.weight")


def main() -> None:
    """Writes `OUTPUT/a0`, `OUTPUT/a1`, ..."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--adapters", type=int, default=8)
    parser.add_argument("--rank", type=int, default=16)
    given = parser.parse_args()
    for index in range(given.adapters):
        print(write_random_adapter(given.model, given.output / f"a{index}", given.rank, index))


def write_random_adapter(model: Path, folder: Path, rank: int, seed: int) -> Path:
    """An adapter of all linear layers of a checkpoint's blocks, in bfloat16.

    Args:
        model: the checkpoint's folder.
        folder: of the adapter; made.
        rank: of its products.
        seed: of its weights.

    Returns:
        The folder.
    """
    generator = torch.Generator().manual_seed(seed)
    tensors: dict[str, torch.Tensor] = {}
    for file in sorted(model.glob("*.safetensors")):
        with safe_open(file, "pt") as weights:
            for name in weights.keys():  # noqa: SIM118 - it is no mapping
                if found := _LINEAR.fullmatch(name):
                    outputs, inputs = weights.get_slice(name).get_shape()
                    key = f"base_model.model.{found['layer']}"
                    a = torch.randn(rank, inputs, generator=generator) * inputs**-0.5
                    b = torch.randn(outputs, rank, generator=generator) * 0.01
                    tensors[f"{key}.lora_A.weight"] = a.bfloat16()
                    tensors[f"{key}.lora_B.weight"] = b.bfloat16()
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    targets = sorted({key.rpartition(".lora_")[0].rpartition(".")[2] for key in tensors})
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": str(model),
        "r": rank,
        "lora_alpha": 2 * rank,
        "target_modules": targets,
        "bias": "none",
    }
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    return folder


if __name__ == "__main__":
    main()
