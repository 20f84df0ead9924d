"""config.json of a model that comes as a GGUF file alone, from the file's metadata."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from max.graph.weights.headers.gguf import GGUFHeader
from max.pipelines.checkpoint.families import gguf_families
from max.pipelines.checkpoint.gguf.model import GGUFModel
from max.pipelines.modeling.errors import ModelSourceError

# Which tokens end an answer; llama.cpp stops at all of them too. Files name some of them by their
# ids, and all by their texts.
_END_KEYS = ("eos_token_id", "eot_token_id", "eom_token_id")
_END_TEXTS = frozenset(
    {
        "<|eot_id|>",
        "<|eom_id|>",
        "<|im_end|>",
        "<|end|>",
        "<|end_of_text|>",
        "<|endoftext|>",
        "<end_of_turn>",
        "<EOT>",
    }
)


def gguf_config(header: GGUFHeader, path: Path) -> dict[str, Any]:
    """The content of config.json, as the model's family reads it.

    Args:
        header: of the model's first file.
        path: that file.

    Raises:
        ModelSourceError: if no family has that architecture, or a size is missing or wrong.
    """
    model = GGUFModel(header, path)
    known = gguf_families()
    if model.architecture not in known:
        raise ModelSourceError(
            f"{path} is a model of the architecture {model.architecture!r} (general.architecture), "
            f"which is not known; known: {', '.join(known)}. If a package for "
            "--custom-architectures serves it, give --model a folder with the original "
            "model's config.json and tokenizer, and this file as --weight-path."
        )
    own = known[model.architecture].config(model)
    return {**own, **_token_ids(header.metadata, ("bos_token_id", "eos_token_id"))}


def gguf_generation_config(header: GGUFHeader) -> dict[str, Any]:
    """The content of generation_config.json: the tokens that end an answer."""
    ends = set(_token_ids(header.metadata, _END_KEYS).values())
    tokens = header.metadata.get("tokenizer.ggml.tokens", [])
    ends |= {i for i, token in enumerate(tokens) if token in _END_TEXTS}
    return {"eos_token_id": sorted(ends)} if ends else {}


def _token_ids(metadata: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, int]:
    keys = {name: f"tokenizer.ggml.{name}" for name in names}
    return {name: int(metadata[key]) for name, key in keys.items() if key in metadata}
