"""Writes tiny models as Hugging Face checkpoints; transformers itself makes the files."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from integration.test_common.tiny_models import TinyModel
from integration.test_common.tiny_tokenizer import VOCAB_SIZE, write_tokenizer

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# Changes whenever the files of the same TinyModel change.
_FORMAT = "1"


def make_config(model: TinyModel) -> PretrainedConfig:
    """The model's configuration as transformers has it."""
    import transformers

    sizes: dict[str, Any] = {
        "vocab_size": VOCAB_SIZE,
        "hidden_size": model.hidden_size,
        "intermediate_size": model.intermediate_size,
        "num_hidden_layers": model.num_hidden_layers,
        "num_attention_heads": model.num_attention_heads,
        "num_key_value_heads": model.num_key_value_heads,
        "head_dim": model.head_dim,
        "max_position_embeddings": model.max_position_embeddings,
        "tie_word_embeddings": model.tie_word_embeddings,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": model.rope_theta,
            **model.rope_scaling,
        },
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": None,
        "attention_bias": model.attention_bias,
        "mlp_bias": model.mlp_bias,
    }
    config_cls: Any = getattr(
        transformers, model.config_cls or f"{model.family.capitalize()}Config"
    )
    known = {field.name for field in fields(config_cls)} | config_cls.attribute_map.keys()
    sizes = {name: value for name, value in sizes.items() if name in known}
    config: PretrainedConfig = config_cls(**{**sizes, **model.settings})
    return config


def make_checkpoint(model: TinyModel, folder: Path) -> Path:
    """Writes config.json, weights and tokenizer.

    Args:
        model: what to make.
        folder: created; must not exist.

    Returns:
        The folder.
    """
    from transformers import AutoModelForCausalLM

    folder.mkdir(parents=True)
    # float32 whatever the files' dtype: the weights of both are then the same, but for rounding.
    torch_model = AutoModelForCausalLM.from_config(make_config(model), dtype=torch.float32)
    fill(torch_model, model.seed)
    torch_model.to(getattr(torch, model.dtype)).save_pretrained(
        folder, max_shard_size=model.max_shard_bytes or "5GB"
    )
    write_tokenizer(folder)
    return folder


def cached_checkpoint(model: TinyModel) -> Path:
    """The model's checkpoint in the user's cache (`MODULAR_MAX_CACHE_DIR`, or ~/.cache/max)."""
    digest = hashlib.sha256(f"{_FORMAT}{model!r}".encode()).hexdigest()[:12]
    root = Path(os.environ.get("MODULAR_MAX_CACHE_DIR") or Path.home() / ".cache" / "max")
    folder = root / "tiny-models" / f"{model.name}-{digest}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=folder.parent))
        try:
            made = make_checkpoint(model, scratch / "model")
            if not folder.is_dir():  # another process may have been faster
                made.rename(folder)
        finally:
            shutil.rmtree(scratch)
    return folder


def fill(torch_model: torch.nn.Module, seed: int) -> None:
    """Gives every parameter values that a mistake would show in.

    transformers itself makes biases 0, norms 1 and the rest so small that all logits are alike.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in torch_model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim == 1 and name.endswith("weight"):  # of a norm
                parameter.add_(0.2 * noise)  # to 1, or to 0 where the model adds 1 itself
            elif parameter.ndim == 1:
                parameter.copy_(0.3 * noise)
            elif "embed_tokens" in name:
                parameter.copy_(noise * parameter.shape[1] ** -0.5 * 2)
            else:
                parameter.copy_(noise * parameter.shape[1] ** -0.5)
        for name, buffer in torch_model.named_buffers():
            if name.endswith("correction_bias"):  # of experts' scores
                buffer.copy_(0.3 * torch.randn(buffer.shape, generator=generator))
