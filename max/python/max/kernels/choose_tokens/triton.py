"""Choosing tokens on a GPU: a program per row, and no way back to the host.

A row is read three times: for its best logit, for the masses, and to keep the tokens that a limit
or the choice can fall among, in the order of their ids. Those are few as a rule, and are ranked.
"""

from __future__ import annotations

import torch

from max.kernels.choose_tokens.triton_ranks import (
    better_than,
    key_at,
    mass_of,
    mass_of_best,
    place_of_sum,
)
from max.kernels.gpu.language import Pointer, Width, gpu_kernel, tl

BLOCK, NUM_WARPS = 4096, 16


@gpu_kernel
def choose_tokens_kernel(
    logits: Pointer,
    top_k: Pointer,
    top_p: Pointer,
    min_p: Pointer,
    uniforms: Pointer,
    keys: Pointer,
    ids: Pointer,
    tokens: Pointer,
    vocab_size: Width,
    BLOCK: tl.constexpr,
) -> None:
    """One row. `keys` and `ids` have room for its tokens."""
    row = tl.program_id(0).to(tl.int64)
    logits += row * vocab_size
    keys += row * vocab_size
    ids += row * vocab_size
    most = tl.minimum(tl.load(top_k + row), vocab_size).to(tl.int32)
    share = tl.load(top_p + row)
    least = tl.load(min_p + row)
    uniform = tl.load(uniforms + row)

    best = tl.full([BLOCK], float("-inf"), tl.float32)
    for start in range(0, vocab_size, BLOCK):
        token = start + tl.arange(0, BLOCK)
        logit = tl.load(logits + token, mask=token < vocab_size, other=float("-inf"))
        best = tl.maximum(best, logit)
    highest = tl.max(best, 0)

    all_mass = tl.zeros([BLOCK], tl.int64)
    near_mass = tl.zeros([BLOCK], tl.int64)
    near_tokens = tl.zeros([BLOCK], tl.int32)
    for start in range(0, vocab_size, BLOCK):
        token = start + tl.arange(0, BLOCK)
        logit = tl.load(logits + token, mask=token < vocab_size, other=float("-inf"))
        mass = mass_of((highest - logit).to(tl.int32, bitcast=True))
        is_near = highest - logit < 4.0
        all_mass += mass
        near_mass += tl.where(is_near, mass, 0)
        near_tokens += is_near.to(tl.int32)
    total = tl.sum(all_mass, 0)

    # All limits and the choice are among the tokens within e^-4 of the best, or with any mass.
    is_limited = (most < vocab_size) | (share < 1.0) | (least > 0.0)
    by_count = (most < vocab_size) & (tl.sum(near_tokens, 0) >= most)
    by_mass = (most == vocab_size) & (share < 1.0)
    by_mass = by_mass & (tl.sum(near_mass, 0).to(tl.float64) > share * total.to(tl.float64))
    reach = tl.where(is_limited & (by_count | by_mass), 4.0, 28.0)
    count = tl.full([], 0, tl.int32)
    for start in range(0, vocab_size, BLOCK):
        token = start + tl.arange(0, BLOCK)
        logit = tl.load(logits + token, mask=token < vocab_size, other=float("-inf"))
        kept = highest - logit < reach
        place = count + tl.cumsum(kept.to(tl.int32), 0) - 1
        tl.store(keys + place, (highest - logit).to(tl.int32, bitcast=True), mask=kept)
        tl.store(ids + place, token, mask=kept)
        count += tl.sum(kept.to(tl.int32), 0)
    tl.debug_barrier()  # What threads have written is read by others.

    if is_limited:
        most = tl.minimum(most, count)
        left = most
        if share < 1.0:
            mass = total
            if most < count:
                mass = mass_of_best(keys, count, most, BLOCK)
            nucleus = tl.math.ceil(share * mass.to(tl.float64)).to(tl.int64) - 1
            last = key_at(keys, count, nucleus, True, BLOCK)
            before, mass_before = better_than(keys, count, last, BLOCK)
            ties = (nucleus - mass_before) // tl.maximum(mass_of(last), 1)
            left = tl.minimum(left.to(tl.int64), before + ties + 1).to(tl.int32)
        if least > 0.0:
            # The best token's mass is 2^40; of equal ones all are kept.
            bound = tl.math.ceil(least * 1099511627776.0).to(tl.int64)
            kept_tokens = tl.zeros([BLOCK], tl.int32)
            for start in range(0, count, BLOCK):
                place = start + tl.arange(0, BLOCK)
                key = tl.load(keys + place, mask=place < count, other=0x7FFFFFFF)
                kept_tokens += ((place < count) & (mass_of(key) >= bound)).to(tl.int32)
            left = tl.minimum(left, tl.sum(kept_tokens, 0))
        left = tl.maximum(left, 1)
        mass = mass_of_best(keys, count, left, BLOCK)
        target = tl.minimum((uniform * mass.to(tl.float64)).to(tl.int64), mass - 1)
        chosen = key_at(keys, count, target, True, BLOCK)
        before, mass_before = better_than(keys, count, chosen, BLOCK)
        tie = (target - mass_before) // tl.maximum(mass_of(chosen), 1)
        place = place_of_sum(keys, count, tie, chosen, False, BLOCK)
    else:
        target = tl.minimum((uniform * total.to(tl.float64)).to(tl.int64), total - 1)
        place = place_of_sum(keys, count, target, count, True, BLOCK)
    tl.store(tokens + row, tl.load(ids + place).to(tl.int64))


def run_on_gpu(
    logits: torch.Tensor,
    top_k: torch.Tensor,
    top_p: torch.Tensor,
    min_p: torch.Tensor,
    uniforms: torch.Tensor,
) -> torch.Tensor | None:
    """See `choose_tokens_reference`; None for logits that are not float32."""
    if logits.dtype != torch.float32:
        return None
    logits = logits.contiguous()
    tokens = torch.empty(len(logits), dtype=torch.int64, device=logits.device)
    if len(logits):
        room = torch.empty([2, *logits.shape], dtype=torch.int32, device=logits.device)
        choose_tokens_kernel[(len(logits),)](
            logits,
            *(limit.contiguous() for limit in (top_k, top_p, min_p, uniforms)),
            *room,
            tokens,
            logits.shape[-1],
            BLOCK=BLOCK,
            num_warps=NUM_WARPS,
        )
    return tokens
