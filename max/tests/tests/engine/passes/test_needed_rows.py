"""The pass that computes only the rows that something reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import fx

from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession
from max.engine.passes.needed_rows import compute_needed_rows
from max.graph import Graph, TensorType, TensorValue, Weight, ops
from max.kernels import last_rows
from max.nn.kernels import last_rows as ops_last_rows
from max.nn.kernels import rms_norm, swiglu

X = TensorType(DType.float32, ["rows", 8], CPU())
OFFSETS = TensorType(DType.uint32, ["ends"], CPU())
INPUTS = (torch.randn(9, 8), torch.tensor([0, 4, 5, 9], dtype=torch.uint32))


def make_weight(name: str, *shape: int) -> Weight:
    weight = Weight(name, DType.float32, shape, CPU())
    weight.bind(torch.randn(shape, generator=torch.Generator().manual_seed(len(name))))
    return weight


def mlp(x: TensorValue) -> TensorValue:
    normed = rms_norm(x, make_weight("norm", 8), 1e-6)
    gate, up = (ops.linear(normed, make_weight(name, 12, 8)) for name in ("gate", "up"))
    return ops.linear(swiglu(gate, up), make_weight("down", 8, 12))


def block(x: TensorValue, offsets: TensorValue) -> TensorValue:
    h = x + ops.linear(ops.sin(x), make_weight("attention", 8, 8)) * 0.5
    return ops_last_rows(h + mlp(h) + make_weight("shift", 8), offsets)


def moved(forward: Callable[..., Any], *types: TensorType) -> tuple[list[fx.Node], Graph]:
    """What `last_rows` reads after the pass."""
    graph = Graph("g", forward, types or (X, OFFSETS))
    compute_needed_rows(graph.fx)
    graph.fx.lint()
    reads = [node.args[0] for node in graph.fx.nodes if node.target is last_rows]
    return [node for node in reads if isinstance(node, fx.Node)], graph


def run(graph: Graph, *inputs: torch.Tensor) -> list[torch.Tensor]:
    return [buffer.tensor for buffer in InferenceSession().load(graph)(*inputs)]


def test_only_what_mixes_rows_or_comes_in_is_read_whole() -> None:
    reads, _ = moved(block)
    # By the addition, and by the linear layer: the pass does not know sin.
    assert {node.target for node in reads} == {"input_0", torch.sin}


def test_bits_stay_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    (needed,) = run(Graph("g", block, (X, OFFSETS)), *INPUTS)
    monkeypatch.setattr("max.engine.session.compute_needed_rows", lambda graph: None)
    (whole,) = run(Graph("g", block, (X, OFFSETS)), *INPUTS)
    assert needed.shape == (3, 8)
    assert torch.equal(needed, whole)


def test_rows_that_are_read_are_computed() -> None:
    def forward(x: TensorValue, offsets: TensorValue) -> Any:
        y = mlp(x)
        return ops_last_rows(y, offsets), y

    reads, graph = moved(forward)
    assert len(reads) == 1 and reads[0].op == "call_function"
    last, whole = run(graph, *INPUTS)
    assert torch.equal(last, whole[[3, 4, 8]])


def test_two_choices_of_rows_are_not_mixed() -> None:
    def forward(x: TensorValue, first: TensorValue, second: TensorValue) -> Any:
        y = x + x
        return ops_last_rows(y, first), ops_last_rows(y, second)

    reads, _ = moved(forward, X, OFFSETS, OFFSETS)
    assert len(set(reads)) == 1 and reads[0].op == "call_function"


def test_offsets_that_are_computed_may_not_be_there_yet() -> None:
    reads, _ = moved(lambda x, offsets: ops_last_rows(x + x, ops.concat([offsets])))
    assert reads[0].op == "call_function"


def test_an_operand_with_one_row_is_that_of_all_rows() -> None:
    def forward(x: TensorValue, one: TensorValue, offsets: TensorValue) -> TensorValue:
        return ops_last_rows(x + one, offsets)

    reads, graph = moved(forward, X, TensorType(DType.float32, [1, 8], CPU()), OFFSETS)
    assert [node.target for node in reads] == ["input_0"]
    one = torch.randn(1, 8)
    (result,) = run(graph, INPUTS[0], one, INPUTS[1])
    assert torch.equal(result, (INPUTS[0] + one)[[3, 4, 8]])


def test_an_axis_that_was_given_another_name_is_the_same() -> None:
    other = TensorType(DType.float32, ["others", 8], CPU())

    def forward(x: TensorValue, y: TensorValue, offsets: TensorValue) -> TensorValue:
        return ops_last_rows(ops.rebind(y, ["rows", 8]) + x, offsets)

    reads, graph = moved(forward, X, other, OFFSETS)
    assert len(reads) == 2 and "input_0" in [node.target for node in reads]
    (result,) = run(graph, INPUTS[0], INPUTS[0], INPUTS[1])
    assert torch.equal(result, (INPUTS[0] * 2)[[3, 4, 8]])
