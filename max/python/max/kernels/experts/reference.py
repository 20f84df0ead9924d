"""What `max::experts` computes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from max.graph.quantization import QuantizationEncoding, dequantize_rows
from max.kernels.gated.reference import ACTIVATIONS
from max.kernels.layouts.panels import Panels
from max.kernels.lora_linear.reference import lora_linear_reference

# Of gpt-oss: `(up + 1) * gate * sigmoid(1.702 * gate)`.
SWISH_PLUS_ONE = "swish_plus_one"


def experts_reference(
    x: torch.Tensor,
    routes: torch.Tensor,
    adapter_of_row: torch.Tensor | None,
    gate: torch.Tensor,
    up: torch.Tensor,
    down: torch.Tensor,
    biases: Sequence[torch.Tensor | None],
    adapters: Sequence[torch.Tensor],
    encodings: Sequence[str],
    are_packed: Sequence[bool],
    experts: int,
    width: int,
    activation: str,
    limit: float,
    scales_input: bool,
) -> torch.Tensor:
    """Of each row, `sum(weight * down(activation(gate(x)) * up(x)))` over its experts.

    Args:
        x: [rows, hidden].
        routes: float32 [rows, 2 * top_k], from `max::route_tokens`.
        adapter_of_row: int32 [rows, 1], 0 for none; None without adapters.
        gate: [experts, width, hidden], or rows of blocks of them, or such in `ExpertPanels`.
        up: likewise.
        down: [experts, hidden, width], likewise.
        biases: of gate, up and down, [experts, outputs] of x's dtype, or None.
        adapters: with `adapter_of_row` the tables of `max::lora_linear`, `a` to `is_affine`, of
            gate, up and down; in them adapter s of expert e is number `(s - 1) * experts + e`.
        encodings: of gate, up and down: that of blocks, or the type of elements.
        are_packed: which of them are in panels.
        experts: how many.
        width: of the layer between.
        activation: see `max::gated`; or `SWISH_PLUS_ONE`.
        limit: with that one, the gate's largest value, and the largest magnitude of up; 0 for none.
        scales_input: whether weights multiply what experts read, instead of what they give.

    Returns:
        [rows, hidden].
    """
    hidden = x.shape[-1]
    shapes = ((width, hidden), (width, hidden), (hidden, width))
    chosen, weights = routes.unflatten(-1, (2, -1)).unbind(1)
    total = torch.zeros(x.shape, dtype=torch.float32, device=x.device)
    for expert in chosen.unique().long().tolist():
        rows, places = (chosen == expert).nonzero(as_tuple=True)
        factor = weights[rows, places, None]
        read = x[rows]
        if scales_input:
            read = (read * factor).to(x.dtype)
        gated_by, upward, downward = (
            _matrix(stack, expert, shape, encoding, is_packed)
            for stack, shape, encoding, is_packed in zip(
                (gate, up, down), shapes, encodings, are_packed, strict=True
            )
        )
        own = [None if bias is None else bias[expert] for bias in biases]
        gates, ups = _product(read, gated_by, own[0]), _product(read, upward, own[1])
        if adapter_of_row is not None:
            adapter = adapter_of_row[rows]
            number = torch.where(adapter > 0, (adapter - 1) * experts + expert + 1, 0)
            of_gate, of_up, of_down = tables_of_matrices(adapters)
            lora_linear_reference(gates, read, number, *of_gate)
            lora_linear_reference(ups, read, number, *of_up)
        inner = _activated(gates, ups, activation, limit)
        downs = _product(inner, downward, own[2])
        if adapter_of_row is not None:
            lora_linear_reference(downs, inner, number, *of_down)
        given = downs.float()
        total.index_add_(0, rows, given if scales_input else given * factor)
    return total.to(x.dtype)


def tables_of_matrices(adapters: Sequence[torch.Tensor]) -> list[Sequence[torch.Tensor]]:
    """The tables of gate, of up and of down."""
    count = len(adapters) // 3
    return [adapters[i * count : (i + 1) * count] for i in range(3)]


def _activated(gate: torch.Tensor, up: torch.Tensor, activation: str, limit: float) -> torch.Tensor:
    if activation != SWISH_PLUS_ONE:
        return ACTIVATIONS[activation](gate) * up
    wide, other = gate.float(), up.float()
    if limit:
        wide, other = wide.clamp(max=limit), other.clamp(-limit, limit)
    return ((other + 1) * wide * torch.sigmoid(1.702 * wide)).to(gate.dtype)


def _product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    if weight.dtype == x.dtype:
        return F.linear(x, weight, bias)
    wide = F.linear(x.float(), weight.float())
    return (wide if bias is None else wide + bias.float()).to(x.dtype)


def _matrix(
    stack: torch.Tensor, expert: int, shape: tuple[int, int], encoding: str, is_packed: bool
) -> torch.Tensor:
    if is_packed:
        panels = Panels(*shape, encoding)
        return panels.elements(stack[expert * panels.nbytes :][: panels.nbytes])
    if stack.dtype == torch.uint8:
        return dequantize_rows(stack[expert], QuantizationEncoding(encoding))
    return stack[expert]
