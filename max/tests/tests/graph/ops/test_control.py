"""Branches and loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession
from max.graph import BufferType, Dim, Graph, TensorType, Weight, ops
from tests.graph.run_op import assert_op, make_tensor, refusal

X = TensorType(DType.float32, ["n", 2], CPU())
PRED = TensorType(DType.bool, [], CPU())


@pytest.mark.parametrize("pred", [True, False])
def test_cond(pred: bool) -> None:
    a = make_tensor((3, 2))

    def op(p: Any, x: Any) -> Any:
        table = ops.constant([1.0, 2.0])
        return ops.cond(p, [x.type], lambda: x + table, lambda: x * x.shape[0] - table)

    table = torch.tensor([1.0, 2.0])
    assert_op(op, a + table if pred else a * 3 - table, torch.tensor(pred), a, static_axes=(1,))


@pytest.mark.parametrize("pred", [True, False])
def test_branches_read_weights_and_nest(pred: bool) -> None:
    weight = Weight("w", DType.float32, [2], CPU())

    def op(p: Any, x: Any) -> Any:
        def inner() -> Any:
            return ops.cond(~p, [x.type], lambda: x, lambda: x * weight)

        return ops.cond(p, [x.type], inner, lambda: x - weight)

    model = InferenceSession().load(
        Graph("g", op, [PRED, X]), weights_registry={"w": np.array([2, 3], dtype=np.float32)}
    )
    (result,) = model(np.array(pred), np.ones((1, 2), dtype=np.float32))
    assert result.to_numpy().tolist() == ([[2, 3]] if pred else [[-1, -2]])


def test_branches_without_results_have_their_effects() -> None:
    def op(p: Any, b: Any) -> list[Any]:
        ops.cond(p, None, lambda: ops.buffer_store(b, ops.buffer_load(b) + 1), lambda: None)
        return []

    model = InferenceSession().load(
        Graph("g", op, [PRED, BufferType(DType.float32, ["n", 2], CPU())])
    )
    buffer = np.zeros((1, 2), dtype=np.float32)
    model(np.array(True), buffer)
    model(np.array(False), buffer)
    assert buffer.tolist() == [[1, 1]]


def test_branches_that_nothing_needs_are_dropped() -> None:
    def op(p: Any, x: Any) -> Any:
        ops.cond(p, [x.type], lambda: x + 1, lambda: x)
        return x

    compiled = InferenceSession().compile(Graph("g", op, [PRED, X]))
    assert "cond" not in compiled.code


def test_branches_print(capsys: pytest.CaptureFixture[str]) -> None:
    def op(p: Any, x: Any) -> Any:
        return ops.cond(p, None, lambda: x.print("yes"), lambda: x.print("no"))

    session = InferenceSession()
    session.set_debug_print_options(precision=1)
    model = session.load(Graph("g", op, [PRED, X]))
    model(np.array(False), np.full((1, 2), 0.123, dtype=np.float32))
    assert capsys.readouterr().out == "no: float32 [1, 2]\n[[0.1 0.1]]\n"


def test_branches_must_give_what_is_told() -> None:
    def op(p: Any, x: Any) -> Any:
        return ops.cond(p, [x.type], lambda: x, lambda: x[0])

    message = refusal(lambda: Graph("g", op, [PRED, X]))
    assert (
        "ops.cond (otherwise): expected results of [TensorType(float32, [n, 2], cpu:0)]" in message
    )
    condition = refusal(lambda: Graph("g", lambda x: ops.cond(x, None, list, list), [X]))
    assert "the condition must be one bool, got float32 [n, 2]" in condition


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_while_loop(steps: int) -> None:
    a = make_tensor((3, 2), low=1, high=2)

    def op(n: Any, x: Any) -> Any:
        table = ops.range(0, Dim(2), dtype=DType.float32)
        return ops.while_loop(
            [n, x], lambda i, _: i > 0, lambda i, total: (i - 1, total + x * table)
        )

    wanted = [torch.tensor(0), a + steps * a * torch.tensor([0.0, 1.0])]
    assert_op(op, wanted, torch.tensor(steps), a, rtol=1e-6, static_axes=(1,))


def test_loops_of_one_variable() -> None:
    assert_op(
        lambda n: ops.while_loop(n, lambda i: i < 100, lambda i: i * 2),
        torch.tensor(128),
        torch.tensor(1),
    )


def test_loops_keep_the_types_of_their_variables() -> None:
    message = refusal(
        lambda: Graph("g", lambda x: ops.while_loop(x, lambda v: v[0, 0] > 0, lambda v: v[0]), [X])
    )
    assert "ops.while_loop: expected results of [TensorType(float32, [n, 2], cpu:0)]" in message
    message = refusal(lambda: Graph("g", lambda x: ops.while_loop(x, lambda v: v, list), [X]))
    assert "the condition must be one bool" in message


def test_values_of_a_branch_stay_in_it() -> None:
    kept: list[Any] = []

    def op(p: Any, x: Any) -> Any:
        ops.cond(p, None, lambda: kept.append(x + 1), lambda: None)
        return kept[0] + x

    message = refusal(lambda: Graph("g", op, [PRED, X]))
    assert "has its outputs: no op can be added, nor its values used outside" in message
