"""config.json of a model that comes as a GGUF file alone, from the file's metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from max.graph.weights.headers.gguf import GGUFHeader
from max.pipelines.checkpoint.families import gguf_families
from max.pipelines.checkpoint.gguf.model import GGUFModel
from max.pipelines.checkpoint.gguf.special_tokens import end_ids, special_ids
from max.pipelines.modeling.errors import ModelSourceError


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
    ids = special_ids(header.metadata)
    named = {f"{name}_id": ids[name] for name in ("bos_token", "eos_token") if name in ids}
    return {**own, **named}


def gguf_generation_config(header: GGUFHeader) -> dict[str, Any]:
    """The content of generation_config.json: the tokens that end an answer."""
    ends = end_ids(header.metadata)
    return {"eos_token_id": sorted(ends)} if ends else {}
