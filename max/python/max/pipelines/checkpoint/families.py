"""What families of models say of their checkpoints, asked of the registry: nothing here knows one.

So a config.json is read without transformers, and a GGUF file without a config.json.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from max.pipelines.checkpoint.config_fields import ConfigFields

if TYPE_CHECKING:
    from max.pipelines.checkpoint.gguf.model import GGUFModel

# Stands above, and is not imported before a checkpoint is read: whichever package of
# `max.pipelines` a program uses first, the families are known.
_REGISTRY = "max.pipelines.lib.registry"


@dataclass(frozen=True)
class GGUFFamily:
    """How a family's GGUF files describe a model.

    Args:
        name: their `general.architecture`.
        config: gives the content of config.json for one of them.
    """

    name: str
    config: Callable[[GGUFModel], Mapping[str, Any]]


class CheckpointFamily(Protocol):
    """What an architecture says of its checkpoints; None where it says nothing."""

    gguf: GGUFFamily | None
    config_fields: ConfigFields | None


def gguf_families() -> dict[str, GGUFFamily]:
    """The families of GGUF files by name."""
    return {f.gguf.name: f.gguf for f in _families() if f.gguf is not None}


def fields_of(model_type: object) -> ConfigFields | None:
    """The fields that config.json files of a `model_type` have; None if no family has it."""
    for family in _families():
        if family.config_fields is not None and family.config_fields.model_type == model_type:
            return family.config_fields
    return None


def _families() -> Iterable[CheckpointFamily]:
    registry = importlib.import_module(_REGISTRY).PIPELINE_REGISTRY
    families: Iterable[CheckpointFamily] = registry.checkpoint_families()
    return families
