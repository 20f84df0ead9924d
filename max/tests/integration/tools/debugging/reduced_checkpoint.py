"""A checkpoint made of another's configuration: other fields, fewer layers, random weights."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from integration.test_common.tiny_checkpoints import fill

_TOKENIZER_FILES = ("token", "vocab", "merges", "special_tokens", "chat_template", "generation_")
_SENTENCE_FILES = (
    "1_Pooling",
    "config_sentence_transformers.json",
    "modules.json",
    "sentence_bert_config.json",
)


def write_reduced(
    source: Path,
    folder: Path,
    *,
    overrides: Mapping[str, Any],
    num_layers: int | None = None,
    random_weights: bool = False,
    is_embedder: bool = False,
    trust_remote_code: bool = False,
) -> Path:
    """Writes it.

    Args:
        source: a checkpoint; only its configuration and tokenizer are read for random weights.
        folder: created.
        overrides: fields of config.json.
        num_layers: blocks to keep, the first ones; None for all.
        random_weights: whether to draw the weights, such that a mistake shows.
        is_embedder: whether its rows are asked for, without a head.
        trust_remote_code: whether model code in the source may be run.

    Returns:
        The folder.

    Raises:
        ValueError: if config.json has no field of that name, or fewer layers.
    """
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

    maker: Any = AutoModel if is_embedder else AutoModelForCausalLM
    config = AutoConfig.from_pretrained(source, trust_remote_code=trust_remote_code)
    _change(config, overrides)
    if num_layers is not None:
        _cut(config, num_layers)
    if random_weights:
        model = maker.from_config(config, dtype=torch.float32)
        fill(model, seed=0)
    else:
        model = maker.from_pretrained(
            source, config=config, dtype="auto", trust_remote_code=trust_remote_code
        )
    model.save_pretrained(folder)
    for file in source.iterdir():
        if file.name.startswith(_TOKENIZER_FILES):
            shutil.copy(file, folder)
        elif file.name in _SENTENCE_FILES:
            shutil.copytree(file, folder / file.name) if file.is_dir() else shutil.copy(
                file, folder
            )
    return folder


def _change(config: Any, overrides: Mapping[str, Any]) -> None:
    known = config.to_dict()
    for name, value in overrides.items():
        if name not in known:
            raise ValueError(
                f"config.json has no '{name}' to override; it has {', '.join(sorted(known))}"
            )
        setattr(config, name, value)


def _cut(config: Any, count: int) -> None:
    """Keeps the first blocks, and their entries in lists with one for each block."""
    have = config.num_hidden_layers
    if count > have:
        raise ValueError(f"--num-hidden-layers {count}: the model has {have}")
    for name, value in config.to_dict().items():
        if isinstance(value, list) and len(value) == have:
            setattr(config, name, value[:count])
    config.num_hidden_layers = count
