"""A gpt-oss model small enough for a test whose experts are MXFP4, and the same numbers plain."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_models import TinyModel

# Rows of the experts are whole blocks of 32.
MODEL = TinyModel(
    name="tiny-gpt_oss-mxfp4",
    family="gpt_oss",
    config_cls="GptOssConfig",
    hidden_size=96,
    intermediate_size=64,
    head_dim=24,
    attention_bias=True,
    settings={
        "num_local_experts": 5,
        "num_experts_per_tok": 3,
        "sliding_window": 5,
        "layer_types": None,
    },
)


class Checkpoints(NamedTuple):
    """The same model: as blocks, and with the numbers that transformers says they are."""

    blocks: Path
    plain: Path


def write_mxfp4(folder: Path) -> Checkpoints:
    """Writes both, with random blocks in place of the experts' matrices."""
    plain = make_checkpoint(MODEL, folder / "plain")
    blocks = shutil.copytree(plain, folder / "blocks")
    random = torch.Generator().manual_seed(7)
    packed: dict[str, torch.Tensor] = {}
    weights = load_file(plain / "model.safetensors")
    for name, tensor in weights.items():
        if not name.endswith(("experts.gate_up_proj", "experts.down_proj")):
            packed[name] = tensor
            continue
        experts, width, out = tensor.shape
        shape = (experts, out, width // 32)
        stack = torch.randint(0, 256, (*shape, 16), dtype=torch.uint8, generator=random)
        exponents = torch.randint(121, 124, shape, dtype=torch.uint8, generator=random)
        packed |= {f"{name}_blocks": stack, f"{name}_scales": exponents}
        weights[name] = convert_moe_packed_tensors(stack, exponents, dtype=tensor.dtype)
    save_file(weights, plain / "model.safetensors", metadata={"format": "pt"})
    save_file(packed, blocks / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((blocks / "config.json").read_text(encoding="utf-8"))
    config["quantization_config"] = {"quant_method": "mxfp4"}
    (blocks / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return Checkpoints(blocks, plain)
