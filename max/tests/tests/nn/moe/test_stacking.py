"""Experts' weights become stacks, whatever form a checkpoint has."""

from __future__ import annotations

import pytest
import torch

from max.graph.weights import WeightData
from max.nn.moe import stack_experts
from max.nn.moe.stacking import part_of_stack


def data(tensor: torch.Tensor, name: str = "w") -> WeightData:
    return WeightData.from_numpy(tensor.numpy(), name)


def test_numbered_experts_are_stacked() -> None:
    matrices = torch.randn(3, 4, 5)
    weights = {f"layers.1.mlp.experts.{e}.up_proj.weight": data(matrices[e]) for e in (2, 0, 1)}
    others = {"layers.1.mlp.router.weight": data(torch.zeros(3, 5))}
    found = stack_experts({**weights, **others})
    assert found.keys() == {"layers.1.mlp.experts.up_proj.weight", *others}
    stack = found["layers.1.mlp.experts.up_proj.weight"]
    assert list(stack.shape) == [3, 4, 5]
    assert torch.equal(stack.to_buffer().tensor, matrices)


def test_a_missing_expert_is_named() -> None:
    weights = {f"mlp.experts.{e}.up_proj.weight": data(torch.zeros(4, 5)) for e in (0, 3)}
    with pytest.raises(ValueError, match=r"no 'mlp\.experts\.up_proj\.weight' .* \[1, 2\]"):
        stack_experts(weights)


def test_experts_that_differ_are_refused() -> None:
    weights = {f"mlp.experts.{e}.up_proj.weight": data(torch.zeros(4, 5 + e)) for e in (0, 1)}
    with pytest.raises(ValueError, match=r"differs between experts: .*\[4, 5\].*\[4, 6\]"):
        stack_experts(weights)


@pytest.mark.parametrize("transposed", [False, True])
def test_parts_of_a_stack(transposed: bool) -> None:
    stack = torch.randn(2, 6, 5)
    stored = stack.transpose(1, 2).contiguous() if transposed else stack
    part = part_of_stack(data(stored), "up", slice(1, None, 2), transposed=transposed)
    assert list(part.shape) == [2, 3, 5]
    assert torch.equal(part.to_buffer().tensor, stack[:, 1::2])
    bias = part_of_stack(data(torch.randn(2, 6)), "bias", slice(3))
    assert list(bias.shape) == [2, 3]
