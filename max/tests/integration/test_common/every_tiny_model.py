"""All tiny models by name, and those of an architecture."""

from __future__ import annotations

from collections.abc import Mapping

from integration.test_common.tiny_families import TINY_FAMILIES
from integration.test_common.tiny_models import TINY_MODELS, TinyModel

EVERY_TINY_MODEL: Mapping[str, TinyModel] = {**TINY_MODELS, **TINY_FAMILIES}


def tiny_model_of(architecture: str) -> TinyModel:
    """The first tiny model whose config.json names this architecture.

    Raises:
        ValueError: if there is none.
    """
    for model in EVERY_TINY_MODEL.values():
        if model.architecture == architecture:
            return model
    raise ValueError(
        f"no tiny model of '{architecture}'; add one to tiny_families.py. There are those of "
        f"{', '.join(sorted({m.architecture for m in EVERY_TINY_MODEL.values()}))}"
    )
