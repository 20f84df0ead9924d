"""The predicted peak of small graphs, against sums by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from max import kernels
from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession, Model
from max.engine.activation_memory import peak_activation_bytes
from max.graph import Graph, TensorType, TensorValue, Weight, ops
from max.graph.call import call

ROWS, FLOAT = 10, 4
WIDE = Weight("wide", DType.float32, [8, 32], CPU())
NARROW = Weight("narrow", DType.float32, [32, 8], CPU())


def make_model(forward: Callable[..., Any], *types: TensorType) -> Model:
    graph = Graph("small", forward, types or [TensorType(DType.float32, ["rows", 8], CPU())])
    registry = {w.name: torch.zeros(*map(int, w.shape)) for w in graph.weights.values()}
    return InferenceSession().load(graph, weights_registry=registry)


def peak(forward: Callable[[TensorValue], Any]) -> int:
    return peak_activation_bytes(make_model(forward), [torch.empty(ROWS, 8, device="meta")])


def mlp(x: TensorValue) -> TensorValue:
    wide = x @ WIDE
    return x + ops.relu(wide) @ NARROW


@pytest.mark.parametrize("rows", [1, ROWS, 1000])
def test_what_is_used_no_more_takes_no_memory(rows: int) -> None:
    # At most two tensors of 32 columns are alive: before and after relu.
    predicted = peak_activation_bytes(make_model(mlp), [torch.empty(rows, 8, device="meta")])
    assert predicted == 2 * rows * 32 * FLOAT


def test_what_is_used_later_takes_memory_until_then() -> None:
    def forward(x: TensorValue) -> TensorValue:
        kept = x * 2.0
        return mlp(x) + kept

    # `kept`, and the two of 32 columns; and for the sums, which are replayed, what they read and
    # the first of them.
    assert peak(forward) == ROWS * (8 + 32 + 32) * FLOAT + 4 * ROWS * 8 * FLOAT


def test_views_share_memory_and_keep_it() -> None:
    def forward(x: TensorValue) -> TensorValue:
        wide = x @ WIDE
        half = wide[:, :16]
        turned = ops.transpose(half, 0, 1)
        return ops.relu(turned)

    # The view of 16 columns keeps all 32 while relu writes its 16.
    assert peak(forward) == ROWS * (32 + 16) * FLOAT


def test_the_parts_of_a_split_are_one_tensor() -> None:
    def forward(x: TensorValue) -> TensorValue:
        left, right = ops.split(x @ WIDE, [16, 16], axis=-1)
        return left * right

    assert peak(forward) == ROWS * (32 + 16) * FLOAT


def test_outputs_are_counted_to_the_end_and_inputs_never() -> None:
    def forward(x: TensorValue) -> list[TensorValue]:
        return [x @ WIDE, x, x * 2.0]

    assert peak(forward) == ROWS * (32 + 8) * FLOAT


def test_a_dtype_s_size_counts() -> None:
    def forward(x: TensorValue) -> TensorValue:
        return ops.cast(ops.cast(x, DType.bfloat16), DType.int64)

    assert peak(forward) == ROWS * 8 * (2 + 8)


def test_sizes_that_inputs_elements_decide() -> None:
    def forward(x: TensorValue, counts: TensorValue) -> TensorValue:
        index = ops.repeat_interleave(ops.cumsum(counts), counts, out_dim="many")
        return ops.gather(x, index, axis=0)

    types = [
        TensorType(DType.float32, ["rows", 8], CPU()),
        TensorType(DType.int64, ["n"], CPU()),
    ]
    counts = torch.tensor([3, 0, 4])
    predicted = peak_activation_bytes(
        make_model(forward, *types), [torch.empty(ROWS, 8, device="meta"), counts]
    )
    # 7 indices, and the rows that they pick.
    assert predicted == 7 * 8 + 7 * 8 * FLOAT


def test_of_branches_the_largest_counts() -> None:
    def forward(x: TensorValue) -> TensorValue:
        def small() -> TensorValue:
            return x * 2.0

        def large() -> TensorValue:
            return ops.relu(x @ WIDE) @ NARROW

        is_small = (ops.sum(x[0]) > 0.0).reshape([1])
        (y,) = ops.cond(is_small, [x.type], small, large)
        return y + x

    # Two of 32 columns in a branch, beside the condition.
    assert peak(forward) == ROWS * (32 + 32) * FLOAT + 1


def test_a_loop_s_variables_are_there_while_the_next_are_computed() -> None:
    def forward(x: TensorValue) -> TensorValue:
        def body(x: TensorValue) -> TensorValue:
            return ops.relu(x @ WIDE) @ NARROW

        (y,) = ops.while_loop(x, lambda x: (ops.sum(x[0]) > 0.0).reshape([1]), body)
        return y

    assert peak(forward) == ROWS * (8 + 32 + 32) * FLOAT


def test_what_is_planned_is_what_a_run_keeps() -> None:
    def forward(x: TensorValue) -> list[TensorValue]:
        hidden = x
        for _ in range(3):
            wide = ops.linear(hidden, weights[0])
            gated = call("gated", kernels.gated, wide, wide, "silu")
            hidden = hidden + ops.linear(gated, weights[1])
        return [hidden, hidden[:, :4]]

    weights = [
        Weight("up", DType.float32, [256, 8], CPU()),
        Weight("down", DType.float32, [8, 256], CPU()),
    ]
    model = make_model(forward)
    rows = 4096
    planned = peak_activation_bytes(model, [torch.empty(rows, 8, device="meta")])
    assert model.replayed.replays is not None
    memory = model.replayed.replays.memory
    reserved = memory.nbytes
    for n in (1, rows, 100):
        model(torch.zeros(n, 8))
    assert memory.nbytes == reserved == planned - rows * (8 + 4) * FLOAT


def test_no_memory_is_taken_for_it() -> None:
    # 8 TB of input, 65 TB of intermediates.
    rows = 2**38
    huge = torch.empty(rows, 8, device="meta")
    assert peak_activation_bytes(make_model(mlp), [huge]) == 2 * rows * 32 * FLOAT
