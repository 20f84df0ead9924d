"""A mixture of experts, from its input and the router's logits to its sum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from integration.tools.causes.cause import Cause, Trial
from max.kernels.experts.reference import experts_reference
from max.kernels.route_tokens.reference import route_tokens_reference
from max.nn.moe import MoE, Routing

USUAL = (
    Cause("router-sum", "the chosen experts' weights are divided by their sum, or are not"),
    Cause("router-order", "the softmax comes before or after the choice, or is a sigmoid"),
    Cause("router-scale", "the weights have a factor (routed_scaling_factor)"),
    Cause("correction-bias", "a bias of the scores counts for the choice alone, or for both"),
    Cause("router-groups", "experts are chosen in groups (n_group, topk_group)"),
    Cause("shared-expert-gate", "what every token gets has a factor of each token"),
    Cause("shared-expert", "what every token gets is left out, or is of another width"),
    Cause("expert-stack", "gate and up are exchanged or interleaved, or experts transposed"),
)
Weights = Mapping[str, torch.Tensor]
_SHARED_GATE = "shared_expert_gate.weight"
_ACTIVATIONS = ("silu", "gelu", "gelu_tanh", "relu")


@dataclass(frozen=True)
class Form:
    """How a mixture computes.

    Attributes:
        routing: how experts are chosen.
        correction: bias of the scores; None for none.
        is_corrected: whether the weights have it too.
        scales_input: whether weights multiply what experts read.
        has_shared: whether the shared expert counts.
        gates_shared: whether it has a factor of each token.
        is_swapped: whether gate and up are exchanged.
    """

    routing: Routing
    correction: torch.Tensor | None
    scales_input: bool
    has_shared: bool
    gates_shared: bool
    activation: str
    is_corrected: bool = False
    is_swapped: bool = False


@dataclass(frozen=True)
class Given:
    """What a mixture computes with.

    Attributes:
        layer: ours.
        weights: by their names within the layer.
        x: its input [rows, hidden].
        logits: of the router [rows, experts].
        shared: what the shared expert gives; None without one.
        gates_shared: whether ours multiplies that with a factor of each token.
    """

    layer: MoE
    weights: Weights
    x: torch.Tensor
    logits: torch.Tensor
    shared: torch.Tensor | None
    gates_shared: bool

    def form(self) -> Form:
        """As our layer computes."""
        experts = self.layer.experts
        correction = self.weights.get("correction")
        has_shared = self.shared is not None
        return Form(
            self.layer.routing,
            correction,
            experts.scales_input,
            has_shared,
            self.gates_shared,
            experts.activation,
        )

    def compute(self, form: Form) -> torch.Tensor:
        """[rows, hidden]."""
        experts = self.layer.experts
        names = ("gate_proj", "up_proj", "down_proj")
        if form.is_swapped:
            names = ("up_proj", "gate_proj", "down_proj")
        gate, up, down = (self.weights[f"experts.{name}.weight"] for name in names)
        result = experts_reference(
            self.x,
            self._routes(form),
            None,
            gate,
            up,
            down,
            [self.weights.get(f"experts.{name}.bias") for name in names],
            [],
            ["float32"] * 3,
            [False] * 3,
            experts.experts,
            experts.width,
            form.activation,
            experts.limit,
            form.scales_input,
        )
        if self.shared is None or not form.has_shared:
            return result
        if not form.gates_shared:
            return result + self.shared
        return result + (self.x @ self.weights[_SHARED_GATE].T).sigmoid() * self.shared

    def _routes(self, form: Form) -> torch.Tensor:
        r = form.routing
        plain = replace(r, renormalizes=False, scale=1.0) if form.is_corrected else r
        routes = route_tokens_reference(
            self.logits,
            form.correction,
            r.top_k,
            r.scores,
            r.groups,
            r.top_groups,
            r.best_of_group,
            plain.renormalizes,
            plain.scale,
            r.jitter,
        )
        if not form.is_corrected or form.correction is None:
            return routes
        chosen, weights = routes.chunk(2, -1)
        weights = weights + form.correction[chosen.long()]
        if r.renormalizes:
            weights = weights / weights.sum(-1, keepdim=True)
        return torch.cat((chosen, weights * r.scale), -1)


def trials(given: Given, hf_config: Mapping[str, Any]) -> Iterator[Trial]:
    """What is tried.

    Args:
        given: what our layer computes with.
        hf_config: config.json, which names the numbers that PyTorch may use.
    """
    for name, text, form in _changes(given, hf_config):
        yield Trial(name, text, given.compute(form))


def trials_of_code(given: Given, ours: torch.Tensor, theirs: torch.Tensor) -> Iterator[Trial]:
    """What the code of a layer does that is given the right settings: how ours comes about."""
    for name, text, form in _changes(given, {}):
        text = text.replace("PyTorch", "our layer, against its settings,")
        yield Trial(name, text, theirs + ours - given.compute(form))


def _changes(given: Given, hf_config: Mapping[str, Any]) -> Iterator[tuple[str, str, Form]]:
    form = given.form()
    routing = form.routing
    does = "does not divide" if routing.renormalizes else "divides"
    text = f"PyTorch {does} the experts' weights by their sum (norm_topk_prob)"
    other = replace(routing, renormalizes=not routing.renormalizes)
    yield "router-sum", text, replace(form, routing=other)
    for scores in ("softmax", "softmax_of_chosen", "sigmoid"):
        for each in (routing, other) if scores != routing.scores else ():
            text = f"PyTorch's scores are those of '{scores}', ours of '{routing.scores}'"
            yield "router-order", text, replace(form, routing=replace(each, scores=scores))
    for scale in {1.0, float(hf_config.get("routed_scaling_factor") or 1.0)} - {routing.scale}:
        text = f"PyTorch's factor of the weights is {scale:g}, ours is {routing.scale:g}"
        yield "router-scale", text, replace(form, routing=replace(routing, scale=scale))
    if form.correction is not None:
        text = "PyTorch has no bias of the scores"
        yield "correction-bias", text, replace(form, correction=None)
        text = "PyTorch's weights have the bias of the scores too"
        yield "correction-bias", text, replace(form, is_corrected=True)
    groups, top = int(hf_config.get("n_group") or 1), int(hf_config.get("topk_group") or 1)
    for count, kept, best in {(1, 1, 1), (groups, top, 1), (groups, top, 2)}:
        if (count, kept, best) != (routing.groups, routing.top_groups, routing.best_of_group):
            text = f"PyTorch chooses in {kept} of {count} groups, by their {best} best"
            own = replace(routing, groups=count, top_groups=kept, best_of_group=best)
            yield "router-groups", text, replace(form, routing=own)
    if form.has_shared and _SHARED_GATE in given.weights:
        gated = not form.gates_shared
        text = f"PyTorch's shared expert has {'a' if gated else 'no'} factor of each token"
        yield "shared-expert-gate", text, replace(form, gates_shared=gated)
    if form.has_shared:
        text = "PyTorch has no shared expert in this layer"
        yield "shared-expert", text, replace(form, has_shared=False)
    text = "PyTorch multiplies what experts read, not what they give, or the other way"
    yield "router-order", text, replace(form, scales_input=not form.scales_input)
    text = "PyTorch activates what ours takes for up"
    yield "gate-order", text, replace(form, is_swapped=True)
    for activation in _ACTIVATIONS:
        text = f"PyTorch's activation is {activation}"
        yield "activation", text, replace(form, activation=activation)
    for top_k in range(1, min(2 * routing.top_k, given.logits.shape[-1]) + 1):
        text = f"PyTorch gives a token {top_k} experts, ours {routing.top_k}"
        yield "router-count", text, replace(form, routing=replace(routing, top_k=top_k))
