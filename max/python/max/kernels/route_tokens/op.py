"""Schema of `max::route_tokens`."""

from __future__ import annotations

import torch

from max.kernels.facts import OpFacts
from max.kernels.registry import define_op, implement_on_cpu, implement_on_gpu
from max.kernels.route_tokens.cpu import make_route_tokens_record
from max.kernels.route_tokens.reference import SCORES, route_tokens_reference


def _fake(
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
    experts = logits.shape[-1]
    torch._check(scores in SCORES, lambda: f"no routing by '{scores}'; known: {', '.join(SCORES)}")
    torch._check(
        experts % groups == 0
        and 1 <= top_groups <= groups
        and 1 <= best_of_group <= experts // groups
        and 1 <= top_k <= experts // groups * top_groups,
        lambda: (
            f"{top_k} of {experts} experts, in {top_groups} of {groups} groups by the best "
            f"{best_of_group} of each, cannot be chosen"
        ),
    )
    return logits.new_empty([logits.shape[0], 2 * top_k], dtype=torch.float32)


route_tokens = define_op(
    "route_tokens(Tensor logits, Tensor? bias, int top_k, str scores, int groups, int top_groups,"
    " int best_of_group, bool renormalizes, float scale, float jitter) -> Tensor",
    reference=route_tokens_reference,
    fake=_fake,
    facts=OpFacts(row_arguments=1),
)
implement_on_cpu(route_tokens, make_route_tokens_record, route_tokens_reference)
implement_on_gpu(route_tokens, route_tokens_reference)
