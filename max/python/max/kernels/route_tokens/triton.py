"""Choosing experts on a GPU: a program per row, which takes the best again and again."""

from __future__ import annotations

import torch

from max.kernels.gpu.language import (
    Number,
    Pointer,
    Value,
    Width,
    gpu_function,
    gpu_kernel,
    next_power_of_2,
    tl,
)
from max.kernels.gpu.tuning import row_config


@gpu_function
def scores_of(logits: Value, exists: Value, SCORES: tl.constexpr) -> Value:
    """What experts are chosen by, before the bias."""
    if SCORES == "softmax":
        weights = tl.where(exists, tl.exp(logits - tl.max(logits, 0)), 0.0)
        return weights / tl.sum(weights, 0)
    elif SCORES == "sigmoid":
        return tl.sigmoid(logits)
    else:
        return logits


@gpu_function
def best_groups(
    choice: Value,
    expert: Value,
    size: Value,
    GROUPS: tl.constexpr,
    TOP_GROUPS: tl.constexpr,
    BEST_OF_GROUP: tl.constexpr,
    GROUP_BLOCK: tl.constexpr,
) -> Value:
    """The scores, -inf where an expert's group of `size` is not among the best."""
    group = tl.arange(0, GROUP_BLOCK)
    sums = tl.full([GROUP_BLOCK], float("-inf"), tl.float32)
    for number in range(GROUPS):
        left = tl.where(expert // size == number, choice, float("-inf"))
        total = tl.full([], 0.0, tl.float32)
        for _ in range(BEST_OF_GROUP):
            total += tl.max(left, 0)
            left = tl.where(expert == tl.argmax(left, 0), float("-inf"), left)
        sums = tl.where(group == number, total, sums)
    kept = expert < 0
    for _ in range(TOP_GROUPS):
        best = tl.argmax(sums, 0)
        kept = kept | (expert // size == best)
        sums = tl.where(group == best, float("-inf"), sums)
    return tl.where(kept, choice, float("-inf"))


@gpu_kernel
def route_tokens_kernel(
    logits: Pointer,
    bias: Pointer,
    routes: Pointer,
    experts: Width,
    group_size: Width,
    scale: Number,
    jitter: Number,
    HAS_BIAS: tl.constexpr,
    SCORES: tl.constexpr,
    TOP_K: tl.constexpr,
    GROUPS: tl.constexpr,
    TOP_GROUPS: tl.constexpr,
    BEST_OF_GROUP: tl.constexpr,
    RENORMALIZES: tl.constexpr,
    GROUP_BLOCK: tl.constexpr,
    PLACES: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """One row; `group_size` experts in a group."""
    row = tl.program_id(0).to(tl.int64)
    expert = tl.arange(0, BLOCK)
    exists = expert < experts
    given = tl.load(logits + row * experts + expert, mask=exists, other=float("-inf"))
    wide = given.to(tl.float32)
    found = scores_of(wide, exists, SCORES)
    choice = tl.where(exists, found, float("-inf"))
    if HAS_BIAS:
        choice += tl.load(bias + expert, mask=exists, other=0.0).to(tl.float32)
    if TOP_GROUPS < GROUPS:
        choice = best_groups(
            choice, expert, group_size, GROUPS, TOP_GROUPS, BEST_OF_GROUP, GROUP_BLOCK
        )
    place = tl.arange(0, PLACES)
    chosen = tl.zeros([PLACES], tl.int32)
    weights = tl.full([PLACES], float("-inf"), tl.float32)
    for number in range(TOP_K):
        # NaN has no order: whatever wins then is an expert.
        best = tl.minimum(tl.argmax(choice, 0), experts - 1)
        if SCORES == "sparse_mixer":
            most = tl.max(choice, 0)
            is_near = (most - wide) / tl.maximum(tl.abs(wide), most) <= 2.0 * jitter
            is_near = is_near | (expert == best)
            weight = 1.0 / tl.sum(tl.where(is_near & exists, tl.exp(choice - most), 0.0), 0)
        else:
            weight = tl.sum(tl.where(expert == best, found, 0.0), 0)
        chosen = tl.where(place == number, best, chosen)
        weights = tl.where(place == number, weight, weights)
        choice = tl.where(expert == best, float("-inf"), choice)
    there = place < TOP_K
    if SCORES == "softmax_of_chosen":
        weights = tl.where(there, tl.exp(weights - tl.max(weights, 0)), 0.0)
        weights = weights / tl.sum(weights, 0)
    if RENORMALIZES:
        weights = weights / (tl.sum(tl.where(there, weights, 0.0), 0) + 1e-20)
    out = routes + row * 2 * TOP_K + place
    tl.store(out, chosen.to(tl.float32), mask=there)
    tl.store(out + TOP_K, weights * scale, mask=there)


def run_on_gpu(
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
    """See `route_tokens_reference`; of equal scores the first wins."""
    logits = logits.contiguous()
    rows, experts = logits.shape
    routes = torch.empty([rows, 2 * top_k], dtype=torch.float32, device=logits.device)
    if rows:
        has_bias = bias is not None and scores != "sparse_mixer"
        route_tokens_kernel[(rows,)](
            logits,
            bias.contiguous() if bias is not None and has_bias else logits,
            routes,
            experts,
            experts // groups,
            scale,
            jitter,
            HAS_BIAS=has_bias,
            SCORES=scores,
            TOP_K=top_k,
            GROUPS=groups,
            TOP_GROUPS=groups if scores == "sparse_mixer" else top_groups,
            BEST_OF_GROUP=best_of_group,
            RENORMALIZES=renormalizes,
            GROUP_BLOCK=next_power_of_2(groups),
            PLACES=next_power_of_2(top_k),
            **row_config(experts).launch,
        )
    return routes
