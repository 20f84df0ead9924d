"""What `max::planes_experts` computes, in plain torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from max.kernels.experts.reference import experts_reference
from max.kernels.layouts.planes import Planes


def planes_experts_reference(
    x: torch.Tensor,
    routes: torch.Tensor,
    adapter_of_row: torch.Tensor | None,
    gate: torch.Tensor,
    up: torch.Tensor,
    down: torch.Tensor,
    biases: Sequence[torch.Tensor | None],
    adapters: Sequence[torch.Tensor],
    encodings: Sequence[str],
    are_in_planes: Sequence[bool],
    experts: int,
    width: int,
    activation: str,
    limit: float,
    scales_input: bool,
) -> torch.Tensor:
    """`max::experts`, whose matrices may be in `ExpertPlanes` instead.

    Args:
        x: see there, as all others.
        routes: see there.
        adapter_of_row: see there.
        gate: in planes, or as `max::experts` has it.
        up: likewise.
        down: likewise.
        biases: see there.
        adapters: see there.
        encodings: see there.
        are_in_planes: which matrices are.
        experts: see there.
        width: see there.
        activation: see there.
        limit: see there.
        scales_input: see there.

    Returns:
        [rows, hidden].
    """
    hidden = x.shape[-1]
    shapes = ((width, hidden), (width, hidden), (hidden, width))
    stacks = [
        Planes(experts * rows, columns, encoding).rows_of(stack).unflatten(0, (experts, rows))
        if is_placed
        else stack
        for stack, (rows, columns), encoding, is_placed in zip(
            (gate, up, down), shapes, encodings, are_in_planes, strict=True
        )
    ]
    return experts_reference(
        x,
        routes,
        adapter_of_row,
        stacks[0],
        stacks[1],
        stacks[2],
        biases,
        adapters,
        encodings,
        [False] * len(stacks),
        experts,
        width,
        activation,
        limit,
        scales_input,
    )
