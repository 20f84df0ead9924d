"""What `max::route_tokens` computes."""

from __future__ import annotations

import torch

# How scores are made of logits, in the order in which cpu.cpp counts them.
SCORES = ("softmax", "sigmoid", "softmax_of_chosen", "sparse_mixer")


def route_tokens_reference(
    logits: torch.Tensor,
    bias: torch.Tensor | None,
    top_k: int,
    scores: str,
    groups: int,
    top_groups: int,
    best_of_group: int,
    renormalizes: bool,
    scale: float,
    jitter: float,
) -> torch.Tensor:
    """The `top_k` experts of the largest scores, and their weights, in float32.

    Args:
        logits: [rows, experts].
        bias: float32 [experts], added to the scores for the choice alone (DeepSeek-V3, 2024).
        top_k: experts of a row.
        scores: "softmax" over all experts; "sigmoid" of each; "softmax_of_chosen", the logits, of
            which those chosen have a softmax; "sparse_mixer" (Liu et al., 2023), the first expert's
            weight in a softmax over logits within `2 * jitter` of the largest, relatively, then the
            next one's in one without the first.
        groups: experts in sequence make so many groups of equal size, of which only the best
            `top_groups` are chosen from.
        top_groups: see `groups`.
        best_of_group: how many of its largest scores sum up to a group's.
        renormalizes: whether the weights are divided by their sum.
        scale: factor of the weights then.
        jitter: of the sparse mixer.

    Returns:
        float32 [rows, 2 * top_k]: the experts' numbers, best first, then their weights.
    """
    wide = logits.float()
    if scores == "sparse_mixer":
        chosen, weights = _mixed(wide, top_k, jitter)
    else:
        found = {"softmax": lambda: wide.softmax(-1), "sigmoid": wide.sigmoid}.get(
            scores, lambda: wide
        )()
        choice = found if bias is None else found + bias.float()
        if top_groups < groups:
            of_group = choice.unflatten(-1, (groups, choice.shape[-1] // groups))
            sums = of_group.topk(best_of_group, -1)[0].sum(-1)
            kept = torch.zeros_like(sums, dtype=torch.bool)
            kept.scatter_(1, sums.topk(top_groups, -1)[1], True)
            choice = of_group.masked_fill(~kept[..., None], float("-inf")).flatten(1)
        chosen = choice.topk(top_k, -1)[1]
        weights = found.gather(1, chosen)
        if scores == "softmax_of_chosen":
            weights = weights.softmax(-1)
    if renormalizes:
        weights = weights / (weights.sum(-1, keepdim=True) + 1e-20)
    return torch.cat((chosen.float(), weights * scale), -1)


def _mixed(logits: torch.Tensor, top_k: int, jitter: float) -> tuple[torch.Tensor, torch.Tensor]:
    left = logits.clone()
    chosen, weights = [], []
    for _ in range(top_k):
        most, best = left.max(-1, keepdim=True)
        factor = logits.abs().clamp(min=most)
        is_far = (most - logits) / factor > 2 * jitter
        weights.append(left.masked_fill(is_far, float("-inf")).softmax(-1).gather(1, best))
        chosen.append(best)
        left.scatter_(1, best, float("-inf"))
    return torch.cat(chosen, -1), torch.cat(weights, -1)
