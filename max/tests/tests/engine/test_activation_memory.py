"""The predicted peak of small graphs, against sums by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession, Model
from max.engine.activation_memory import peak_activation_bytes
from max.graph import Graph, TensorType, TensorValue, Weight, ops

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

    # `kept`, and the two of 32 columns.
    assert peak(forward) == ROWS * (8 + 32 + 32) * FLOAT


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


def test_no_memory_is_taken_for_it() -> None:
    # 8 TB of input, 65 TB of intermediates.
    rows = 2**38
    huge = torch.empty(rows, 8, device="meta")
    assert peak_activation_bytes(make_model(mlp), [huge]) == 2 * rows * 32 * FLOAT
