"""The demo model with rows of whole blocks of 256 elements, as real models have them.

Zeros make it wider: the hidden size, the MLP and two query heads that nothing reads. The logits
stay the same but for rounding, so that what the K encodings lose is measured on a trained model.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from max.demo import model_path

HIDDEN, INTERMEDIATE, HEADS = 256, 512, 8


def write_widened_demo(folder: Path) -> Path:
    """Writes the checkpoint, in float32.

    Args:
        folder: created; must not exist.

    Returns:
        The folder.
    """
    shutil.copytree(model_path(), folder)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    narrow, head_dim = config["hidden_size"], config["head_dim"]
    groups = config["num_key_value_heads"]
    # The mean square of a row with zeros is smaller by the share of the others.
    share = narrow / HIDDEN
    changes = {
        "hidden_size": HIDDEN,
        "intermediate_size": INTERMEDIATE,
        "num_attention_heads": HEADS,
        "rms_norm_eps": config["rms_norm_eps"] * share,
        "dtype": "float32",
    }
    path.write_text(json.dumps({**config, **changes}), encoding="utf-8")
    wide = {}
    for name, weight in load_file(folder / "model.safetensors").items():
        tensor = weight.float()
        if name.endswith("norm.weight"):
            tensor = _padded(tensor, HIDDEN) * share**0.5
        elif "q_proj" in name:
            tensor = _with_heads(tensor, groups, head_dim)
            tensor = _padded(tensor, HEADS * head_dim, HIDDEN)
        elif "o_proj" in name:
            tensor = _with_heads(tensor.T, groups, head_dim).T
            tensor = _padded(tensor, HIDDEN, HEADS * head_dim)
        elif "down_proj" in name:
            tensor = _padded(tensor, HIDDEN, INTERMEDIATE)
        elif "gate_proj" in name or "up_proj" in name:
            tensor = _padded(tensor, INTERMEDIATE, HIDDEN)
        else:
            tensor = _padded(tensor, len(tensor), HIDDEN)
        wide[name] = tensor.contiguous()
    save_file(wide, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _padded(tensor: torch.Tensor, *sizes: int) -> torch.Tensor:
    """The tensor with zeros at the end of each axis."""
    out = torch.zeros(sizes)
    out[tuple(slice(size) for size in tensor.shape)] = tensor
    return out


def _with_heads(rows: torch.Tensor, groups: int, head_dim: int) -> torch.Tensor:
    """Rows of query heads, with heads of zeros at the end of each group that shares keys."""
    heads = rows.reshape(groups, -1, rows.shape[-1])
    return _padded(heads, groups, HEADS // groups * head_dim, rows.shape[-1]).reshape(
        -1, rows.shape[-1]
    )
