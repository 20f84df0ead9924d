"""The models that can be compared by name, and where their checkpoints are."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from integration.test_common.every_tiny_model import EVERY_TINY_MODEL
from integration.test_common.test_data import DEFAULT_PROMPTS
from integration.test_common.tiny_checkpoints import cached_checkpoint
from integration.test_common.tiny_models import TinyModel
from integration.test_common.user_paths import user_path
from max.pipelines.checkpoint.source import DEMO, is_repo_id


class PipelineOracle(Protocol):
    """Knows one model: where its checkpoint is, and what to ask it."""

    @property
    def prompts(self) -> tuple[str, ...]:
        """What the model is asked."""
        ...

    def model_path(self) -> str:
        """What `--model` would be given; makes the checkpoint if it is to be made."""
        ...


@dataclass(frozen=True)
class GenericOracle:
    """A model that is there: a folder, a Hugging Face repository id, or "demo".

    Attributes:
        path: of the model.
        prompts: what it is asked.
    """

    path: str
    prompts: tuple[str, ...] = DEFAULT_PROMPTS

    def model_path(self) -> str:
        """The path."""
        return self.path


@dataclass(frozen=True)
class TinyOracle:
    """A model of random weights, made when it is first asked for and then kept in the cache.

    Attributes:
        model: its configuration.
        prompts: what it is asked.
    """

    model: TinyModel
    prompts: tuple[str, ...] = DEFAULT_PROMPTS

    def model_path(self) -> str:
        """The checkpoint's folder."""
        return str(cached_checkpoint(self.model))


PIPELINE_ORACLES: Mapping[str, PipelineOracle] = {
    "demo": GenericOracle(DEMO),
    **{name: TinyOracle(model) for name, model in EVERY_TINY_MODEL.items()},
}


# Names that documentation uses -> repositories.
ALIASES: Mapping[str, str] = {
    "gemma3-1b": "google/gemma-3-1b-it",
    "llama3.1-8b": "meta-llama/Llama-3.1-8B-Instruct",
    "qwen2.5-7b": "Qwen/Qwen2.5-7B-Instruct",
    "qwen3-8b": "Qwen/Qwen3-8B",
    "phi-4": "microsoft/phi-4",
}


class UnknownPipelineError(ValueError):
    """A name that is neither in the table, nor a folder, nor a repository id."""

    def __init__(self, name: str) -> None:
        known = difflib.get_close_matches(name, PIPELINE_ORACLES, n=len(PIPELINE_ORACLES), cutoff=0)
        super().__init__(
            f"unknown pipeline '{name}'. Known, nearest first: {', '.join(known)}; or give the "
            f"folder of a checkpoint (there is no {user_path(name)}) or a Hugging Face repository "
            "id, owner/name."
        )


def find_oracle(name: str) -> PipelineOracle:
    """The oracle of a `--pipeline` value.

    Args:
        name: from the table, or one of `ALIASES`; a checkpoint's folder; or a repository id with
            its owner.

    Raises:
        UnknownPipelineError: if it is none of them.
    """
    if name in PIPELINE_ORACLES:
        return PIPELINE_ORACLES[name]
    if name in ALIASES:
        return GenericOracle(ALIASES[name])
    folder: Path = user_path(name)
    if folder.is_dir():
        return GenericOracle(str(folder.resolve()))
    if "/" in name and is_repo_id(name):
        return GenericOracle(name)
    raise UnknownPipelineError(name)
