"""What a model's configuration files say about its tokens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from max.pipelines.checkpoint.hf_files import read_json_if_there
from max.pipelines.modeling.errors import ModelSourceError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class ModelFacts:
    """What a model's configuration files say about its tokens.

    Attributes:
        eos_token_ids: The tokens that end an answer.
        vocab_size: Number of token ids that the model accepts.
        max_length: Most tokens of prompt and answer together.
    """

    eos_token_ids: frozenset[int]
    vocab_size: int
    max_length: int


def read_model_facts(folder: Path, delegate: PreTrainedTokenizerBase) -> ModelFacts:
    """Reads config.json and generation_config.json, as far as they are there.

    End tokens are those of generation_config.json, config.json and the tokenizer together: each of
    the three is incomplete in some published model (an end of turn is not always an end of text).

    Raises:
        ModelSourceError: If a file is malformed.
    """
    config = _config_of_text(folder / "config.json")
    generation = read_json_if_there(folder / "generation_config.json")
    eos = (
        _as_ids(generation.get("eos_token_id"), folder / "generation_config.json")
        | _as_ids(config.get("eos_token_id"), folder / "config.json")
        | _as_ids(delegate.eos_token_id, folder / "tokenizer_config.json")
    )
    positions = _size(config, "max_position_embeddings", folder)
    limits = [int(delegate.model_max_length)] + ([positions] if positions else [])
    return ModelFacts(eos, _size(config, "vocab_size", folder) or len(delegate), min(limits))


def _config_of_text(path: Path) -> dict[str, Any]:
    """The fields of a model, or of the part of it that is for text."""
    config = read_json_if_there(path)
    nested = config.get("text_config") or {}
    if not isinstance(nested, dict):
        raise ModelSourceError(f"{path} has text_config={nested!r:.200}, which is no object")
    return {**config, **nested}


def _size(config: dict[str, Any], name: str, folder: Path) -> int:
    """A number of the configuration; 0 where it has none."""
    value = config.get(name) or 0
    if not isinstance(value, int):
        raise ModelSourceError(f"{folder / 'config.json'} has {name}={value!r:.200}: no number")
    return value


def _as_ids(value: Any, source: Path) -> frozenset[int]:
    if value is None:
        return frozenset()
    ids = value if isinstance(value, list) else [value]
    if not all(isinstance(token, int) for token in ids):
        raise ModelSourceError(
            f"{source}: eos_token_id is {value!r}; it should be a token id or a list of them"
        )
    return frozenset(ids)
