"""Classic mistakes of bringing up a model with experts, for planting."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from integration.tools.debugging.mistakes import Mistake
from max.graph import TensorValue
from max.nn import kernels
from max.nn.moe import MoE
from max.pipelines.lib.expert_layers import ExpertSettings


def _routing(**changes: Any) -> dict[str, Any]:
    """Settings with another routing."""

    def changed(settings: ExpertSettings) -> ExpertSettings:
        return replace(settings, routing=replace(settings.routing, **changes))

    return {"experts": changed}


def _no_correction() -> AbstractContextManager[Any]:
    route = kernels.route_tokens
    return patch.object(kernels, "route_tokens", lambda x, bias, routing: route(x, None, routing))


def _shared_as_it_is() -> AbstractContextManager[Any]:
    call = MoE.__call__

    def ungated(self: MoE, x: TensorValue) -> TensorValue:
        with patch.object(self, "shared_expert_gate", None):
            return call(self, x)

    return patch.object(MoE, "__call__", ungated)


_MLP, _SECOND_MLP = "layers.0.mlp", "layers.1.mlp"
EXPERT_MISTAKES = (
    Mistake(
        "softmax before the choice",
        "tiny-gpt_oss",
        _MLP,
        "router-order",
        _routing(scores="softmax"),
    ),
    Mistake(
        "shared expert as it is",
        "tiny-qwen2_moe",
        _MLP,
        "shared-expert-gate",
        code=_shared_as_it_is,
    ),
    Mistake(
        "no correction", "tiny-deepseek_v3", _SECOND_MLP, "correction-bias", code=_no_correction
    ),
    Mistake("no scale", "tiny-glm4_moe", _SECOND_MLP, "router-scale", _routing(scale=1.0)),
    Mistake(
        "best of a group",
        "tiny-deepseek_v3",
        _SECOND_MLP,
        "router-groups",
        _routing(best_of_group=1),
    ),
    Mistake(
        "no groups",
        "tiny-deepseek_v2",
        _SECOND_MLP,
        "router-groups",
        _routing(groups=1, top_groups=1),
    ),
    Mistake(
        "scale of latent attention",
        "tiny-deepseek_v2",
        "layers.0.self_attn",
        "attention-scale",
        {"attention_multiplier": 20**-0.5},
    ),
)
