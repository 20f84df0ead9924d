"""Which experts a token gets, and how much of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch

from integration.tools.causes.cause import Cause, Trial
from max.kernels.experts.reference import experts_reference
from max.kernels.route_tokens.reference import route_tokens_reference
from max.nn.moe import MoE, Routing

USUAL = (
    Cause("router-order", "softmax before or after choosing, or sigmoid (Routing.scores)"),
    Cause("router-sum", "weights divided by their sum or not (norm_topk_prob)"),
    Cause("expert-stack", "gate and up are exchanged or interleaved, or experts transposed"),
    Cause("shared-expert", "an expert of all tokens is missing, or its gate"),
)
_SCORES = ("softmax", "sigmoid", "softmax_of_chosen")
_ACTIVATIONS = ("silu", "gelu", "gelu_tanh", "relu")


def trials(
    layer: MoE,
    x: torch.Tensor,
    logits: torch.Tensor,
    weights: Mapping[str, torch.Tensor],
    others: torch.Tensor | None,
) -> Iterator[Trial]:
    """What is tried.

    Args:
        layer: the mixture.
        x: what it is given, [rows, hidden].
        logits: of its router, [rows, experts].
        weights: of the experts, by `gate_proj.weight` [experts, out, in] and so on; `correction`.
        others: what the layer adds to its experts; None for nothing.
    """

    def computed(routing: Routing, activation: str, *, exchanged: bool = False) -> torch.Tensor:
        routes = route_tokens_reference(
            logits,
            weights.get("correction"),
            routing.top_k,
            routing.scores,
            routing.groups,
            routing.top_groups,
            routing.best_of_group,
            routing.renormalizes,
            routing.scale,
            routing.jitter,
        )
        gate, up = ("up_proj", "gate_proj") if exchanged else ("gate_proj", "up_proj")
        names = (gate, up, "down_proj")
        total = experts_reference(
            x,
            routes,
            None,
            weights[f"{gate}.weight"],
            weights[f"{up}.weight"],
            weights["down_proj.weight"],
            biases=[weights.get(f"{name}.bias") for name in names],
            adapters=[],
            encodings=["float32"] * 3,
            are_packed=[False] * 3,
            experts=layer.experts.experts,
            width=layer.experts.width,
            activation=activation,
            limit=layer.experts.limit,
            scales_input=layer.experts.scales_input,
        )
        return total if others is None else total + others

    usual, activation = layer.routing, layer.experts.activation
    for scores in _SCORES:
        text = f"PyTorch's router has scores by {scores}, ours by {usual.scores}"
        for sums in (usual.renormalizes, not usual.renormalizes):
            changed = replace(usual, scores=scores, renormalizes=sums)
            name = "router-sum" if scores == usual.scores else "router-order"
            if name == "router-sum":
                text = f"PyTorch {'divides' if sums else 'does not divide'} weights by their sum"
            yield Trial(name, text, computed(changed, activation))
    for top_k in range(1, min(2 * usual.top_k, logits.shape[-1]) + 1):
        text = f"PyTorch gives a token {top_k} experts, ours {usual.top_k}"
        yield Trial("router-count", text, computed(replace(usual, top_k=top_k), activation))
    text = f"PyTorch's weights have no factor, ours {usual.scale:g}"
    yield Trial("router-scale", text, computed(replace(usual, scale=1.0), activation))
    text = "PyTorch chooses from all experts, not from the best groups"
    yield Trial(
        "router-groups", text, computed(replace(usual, top_groups=usual.groups), activation)
    )
    for name in _ACTIVATIONS:
        text = f"PyTorch's activation is {name}"
        yield Trial("activation", text, computed(usual, name))
    text = "PyTorch activates what ours takes for up"
    yield Trial("gate-order", text, computed(usual, activation, exchanged=True))
