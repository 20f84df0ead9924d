"""How the texts of a GGUF embedder become vectors, as sentence-transformers' files say it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from max.pipelines.modeling.errors import ModelSourceError

if TYPE_CHECKING:
    from max.graph.weights.headers.gguf import GGUFHeader

# The numbers of `<architecture>.pooling_type` in ggml/docs/gguf.md.
_NONE = 0
_POOLINGS = {1: "mean", 2: "cls", 3: "lasttoken"}


def sentence_files(header: GGUFHeader, gguf: Path) -> Mapping[str, object]:
    """The content of the files by name; none for a model that says nothing of pooling.

    Vectors are normalized: files do not say it, and llama.cpp does so.

    Args:
        header: of the model's first file.
        gguf: that file.

    Raises:
        ModelSourceError: for a kind of pooling that is not supported.
    """
    key = f"{header.metadata.get('general.architecture')}.pooling_type"
    kind = header.metadata.get(key, _NONE)
    if kind == _NONE:
        return {}
    if kind not in _POOLINGS:
        known = ", ".join(f"{number} ({name})" for number, name in _POOLINGS.items())
        raise ModelSourceError(
            f"{gguf} asks for the pooling {kind} ({key}), which is not supported; known: {known}"
        )
    modules = [("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")]
    return {
        "modules.json": [
            {"type": f"sentence_transformers.models.{name}", "path": path} for name, path in modules
        ],
        "1_Pooling/config.json": {"pooling_mode": _POOLINGS[kind]},
    }
