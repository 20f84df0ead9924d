"""Classic mistakes of bringing up an embedder, for planting."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from max.nn import kernels
from max.pipelines.lib.embed import Pooling, SentenceSettings


@dataclass(frozen=True)
class EmbedderMistake:
    """One mistake.

    Attributes:
        name: for the test.
        family: the tiny embedder that it is made in.
        layer: path of the layer that computes otherwise.
        cause: what the tool should call it.
        planted: the mistake is in MAX meanwhile.
    """

    name: str
    family: str
    layer: str
    cause: str
    planted: Callable[[], AbstractContextManager[Any]]


def _settings(**changes: Any) -> Callable[[], AbstractContextManager[Any]]:
    read = SentenceSettings.of
    return lambda: patch.object(
        SentenceSettings, "of", lambda folder: replace(read(folder), **changes)
    )


def _mask(**changes: Any) -> Callable[[], AbstractContextManager[Any]]:
    attend = kernels.attend

    def attend_wrongly(q: Any, layer: Any, batch: Any, mask: Any, scale: float) -> Any:
        return attend(q, layer, batch, replace(mask, **changes), scale)

    return lambda: patch.object(kernels, "attend", attend_wrongly)


_ATTENTION = "layers.0.self_attn"
EMBEDDER_MISTAKES = (
    EmbedderMistake("cls for mean", "Bert", "model", "pooling", _settings(pooling=Pooling.CLS)),
    EmbedderMistake(
        "mean for cls", "ModernBert", "model", "pooling", _settings(pooling=Pooling.MEAN)
    ),
    EmbedderMistake(
        "a decoder's not normalized",
        "Qwen3",
        "model",
        "normalization",
        _settings(is_normalized=False),
    ),
    EmbedderMistake(
        "not normalized", "MPNet", "model", "normalization", _settings(is_normalized=False)
    ),
    EmbedderMistake("causal", "Bert", _ATTENTION, "mask", _mask(causal=True)),
    EmbedderMistake("no bias of distances", "MPNet", _ATTENTION, "distance-bias", _mask(bias=None)),
    EmbedderMistake("no windows", "ModernBert", "layers.1.self_attn", "mask", _mask(window=0)),
)
