"""Changes to checkpoints, for tests of what a checkpoint may look like."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from max.pipelines.lib import PipelineConfig


def change_config(folder: Path, changes: Mapping[str, Any]) -> None:
    """Sets keys of config.json; None removes one."""
    path = folder / "config.json"
    content = {**json.loads(path.read_text(encoding="utf-8")), **changes}
    kept = {key: value for key, value in content.items() if value is not None}
    path.write_text(json.dumps(kept), encoding="utf-8")


def change_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Rewrites the weights after `change` has worked on them."""
    path = folder / "model.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path, metadata={"format": "pt"})


def make_config(folder: Path, **settings: Any) -> PipelineConfig:
    """A small pipeline's settings, in float32 on the CPU unless told otherwise."""
    defaults: dict[str, Any] = {
        "model_path": str(folder),
        "quantization_encoding": "float32",
        "device_specs": "cpu",
        "max_batch_size": 2,
        "kv_cache_page_size": 16,
    }
    return PipelineConfig.from_flat_kwargs(**{**defaults, **settings})
