"""A model small enough for a test for each family, and for each way in which its files differ.

Sizes are odd, so that no kernel's blocks divide them, and every setting is one that shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from integration.test_common.tiny_models import TinyModel

_SIZES: Mapping[str, Any] = {
    "hidden_size": 72,
    "intermediate_size": 99,
    "num_attention_heads": 6,
    "head_dim": 12,
    "num_hidden_layers": 4,
}


def _tiny(name: str, config_cls: str, sizes: Mapping[str, Any] = {}, **settings: Any) -> TinyModel:
    """A model of the usual sizes, or others, with settings of its own."""
    family = name.partition("-")[0]
    return TinyModel(
        name=f"tiny-{name}",
        family=family,
        config_cls=config_cls,
        settings=settings,
        **{**_SIZES, **sizes},
    )


def _by_kind(local: Mapping[str, Any], full: Mapping[str, Any]) -> dict[str, Any]:
    """`rope_parameters` of windowed layers, and of those that see everything."""
    return {
        "sliding_attention": {"rope_type": "default", **local},
        "full_attention": {"rope_type": "default", **full},
    }


_LOCAL_AND_FULL = ["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"]
_TIED = {"tie_word_embeddings": True}


def _families() -> Iterable[TinyModel]:
    yield _tiny("mistral", "MistralConfig", sliding_window=5)
    yield _tiny("mistral-full", "MistralConfig", sliding_window=None)
    yield _tiny("gemma", "GemmaConfig", _TIED)
    gemma = {"sliding_window": 5, "query_pre_attn_scalar": 7, "layer_types": _LOCAL_AND_FULL}
    caps = {"attn_logit_softcapping": 1.5, "final_logit_softcapping": 2.5}
    yield _tiny("gemma2", "Gemma2Config", _TIED, **gemma, **caps)
    linear = {"rope_theta": 1e6, "rope_type": "linear", "factor": 8.0}
    ropes = _by_kind({"rope_theta": 100.0}, linear)
    yield _tiny("gemma3", "Gemma3TextConfig", _TIED, **gemma, rope_parameters=ropes)
    yield _tiny("olmo2", "Olmo2Config")


TINY_FAMILIES: Mapping[str, TinyModel] = {model.name: model for model in _families()}
