"""`GET /v1/models` and `GET /v1/models/{id}`."""

from __future__ import annotations

import msgspec


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """One served model."""

    id: str
    object: str = "model"
    created: int
    owned_by: str
    max_model_len: int


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    """All served models."""

    object: str = "list"
    data: list[ModelCard]
