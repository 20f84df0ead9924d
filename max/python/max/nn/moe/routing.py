"""Which experts a token gets, as one value from the configuration to the kernel."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Routing:
    """How experts are chosen by their logits; `max.kernels.route_tokens` says it in full.

    Args:
        top_k: experts of a token.
        scores: "softmax", "sigmoid", "softmax_of_chosen" or "sparse_mixer".
        renormalizes: whether the weights are divided by their sum.
        scale: factor of the weights then.
        groups: experts in sequence make so many groups, of which some are chosen from.
        top_groups: how many of those.
        best_of_group: how many of its largest scores sum up to a group's.
        jitter: of the sparse mixer.
    """

    top_k: int
    scores: str = "softmax"
    renormalizes: bool = False
    scale: float = 1.0
    groups: int = 1
    top_groups: int = 1
    best_of_group: int = 1
    jitter: float = 0.0
