"""Tiny embedders of random weights, with sentence-transformers' files beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from integration.test_common.tiny_checkpoints import fill
from integration.test_common.tiny_tokenizer import VOCAB_SIZE, write_tokenizer

_SIZES: dict[str, Any] = {
    "vocab_size": VOCAB_SIZE,
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
}
EMBEDDERS: dict[str, dict[str, Any]] = {
    "Bert": {**_SIZES, "num_hidden_layers": 2},
    "ModernBert": {
        **_SIZES,
        "num_hidden_layers": 4,
        "local_attention": 12,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "cls_token_id": 0,
        "sep_token_id": 1,
    },
    "MPNet": {**_SIZES, "num_hidden_layers": 2},
    "Qwen3": {**_SIZES, "num_hidden_layers": 2, "num_key_value_heads": 2, "head_dim": 24},
}
_PACKAGE = "sentence_transformers.models."
_PATHS = {"Pooling": "1_Pooling", "Normalize": "2_Normalize", "Dense": "2_Dense"}
_OLD_NAMES = {
    "cls": "cls_token",
    "lasttoken": "lasttoken",
    "max": "max_tokens",
    "mean": "mean_tokens",
}
POOLINGS = {"Bert": "mean", "MPNet": "mean", "ModernBert": "cls", "Qwen3": "lasttoken"}


def make_embedder(
    family: str,
    folder: Path,
    pooling: str | None = None,
    modules: Sequence[str] = ("Transformer", "Pooling", "Normalize"),
    **settings: Any,
) -> Path:
    """Writes a checkpoint with the files that sentence-transformers has beside it.

    Args:
        family: of `EMBEDDERS`.
        folder: created; must not exist.
        pooling: the family's usual one unless given.
        modules: the parts in modules.json.
        settings: of config_sentence_transformers.json.

    Returns:
        The folder.
    """
    import transformers

    config = getattr(transformers, f"{family}Config")(**EMBEDDERS[family])
    model = getattr(transformers, f"{family}Model")(config)
    fill(model, seed=0)
    model.to(torch.float32).save_pretrained(folder)
    write_tokenizer(folder)
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    del tokenizer["chat_template"]
    tokenizer["pad_token"] = tokenizer["bos_token"]
    parts = [
        {
            "idx": index,
            "name": str(index),
            "path": _PATHS.get(name, ""),
            "type": f"{_PACKAGE}{name}",
        }
        for index, name in enumerate(modules)
    ]
    mode = {
        "word_embedding_dimension": config.hidden_size,
        "pooling_mode_mean_tokens": False,
        f"pooling_mode_{_OLD_NAMES.get(pooling or POOLINGS[family], pooling)}": True,
    }
    for name, content in {
        "tokenizer_config.json": tokenizer,
        "modules.json": parts,
        "1_Pooling/config.json": mode,
        "sentence_bert_config.json": {"max_seq_length": 200, "do_lower_case": False},
        "config_sentence_transformers.json": settings,
    }.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
    return folder
