"""Which rows get logits, in a graph and at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from max.dtype import DType
from max.engine import InferenceSession
from max.graph import DeviceRef, Graph, TensorType, TensorValue, ops
from max.nn.transformer import ReturnHiddenStates, ReturnLogits, logits_postprocess

CPU = DeviceRef.CPU()
# Three requests of 2, 1 and 4 rows.
OFFSETS = np.array([0, 2, 3, 7], np.uint32)
HIDDEN = np.arange(14, dtype=np.float32).reshape(7, 2)
HEAD = np.array([[1, 0], [0, 1], [1, 1]], np.float32)
LOGITS = (HIDDEN * 2) @ HEAD.T


def postprocess(
    h: TensorValue,
    offsets: TensorValue,
    n: TensorValue,
    return_logits: ReturnLogits,
    hidden: ReturnHiddenStates,
) -> tuple[TensorValue, ...]:
    return logits_postprocess(
        h,
        offsets,
        n,
        norm=lambda x: x * 2.0,
        lm_head=lambda x: x @ HEAD.T,
        return_logits=return_logits,
        return_hidden_states=hidden,
    )


def run(
    return_logits: ReturnLogits,
    n: Sequence[int] = (1,),
    hidden: ReturnHiddenStates = ReturnHiddenStates.NONE,
) -> list[np.ndarray]:
    """The outputs from a graph, after comparing them with those of running at once."""
    inputs = (HIDDEN, OFFSETS, np.array(n, np.int64))
    types = [
        TensorType(DType.float32, ["rows", 2], CPU),
        TensorType(DType.uint32, ["offsets"], CPU),
        TensorType(DType.int64, ["return_n_logits"], CPU),
    ]
    graph = Graph("logits", postprocess, types, return_logits, hidden)
    got = [out.to_numpy() for out in InferenceSession().load(graph)(*inputs)]
    h, offsets, rows = (ops.constant(value) for value in inputs)
    at_once = postprocess(h, offsets, rows, return_logits, hidden)
    for mine, theirs in zip(got, at_once, strict=True):
        np.testing.assert_array_equal(mine, theirs.to_numpy())
    return got


def test_last_token() -> None:
    (last,) = run(ReturnLogits.LAST_TOKEN)
    np.testing.assert_array_equal(last, LOGITS[[1, 2, 6]])


def test_all() -> None:
    last, logits, offsets = run(ReturnLogits.ALL)
    np.testing.assert_array_equal(last, LOGITS[[1, 2, 6]])
    np.testing.assert_array_equal(logits, LOGITS)
    np.testing.assert_array_equal(offsets, OFFSETS)


def test_variable_gives_the_last_n_rows_of_each_request() -> None:
    last, logits, offsets = run(ReturnLogits.VARIABLE)
    np.testing.assert_array_equal(last, LOGITS[[1, 2, 6]])
    np.testing.assert_array_equal(logits, last)
    np.testing.assert_array_equal(offsets, [0, 1, 2, 3])


def test_variable_gives_each_request_its_own_number_of_rows() -> None:
    last, logits, offsets = run(ReturnLogits.VARIABLE, n=(2, 1, 3))
    np.testing.assert_array_equal(last, LOGITS[[1, 2, 6]])
    np.testing.assert_array_equal(logits, LOGITS[[0, 1, 2, 4, 5, 6]])
    np.testing.assert_array_equal(offsets, [0, 2, 3, 6])


@pytest.mark.parametrize(
    ("kind", "want"),
    [
        (ReturnHiddenStates.LAST, HIDDEN[[1, 2, 6]]),
        (ReturnHiddenStates.ALL, HIDDEN),
        (ReturnHiddenStates.ALL_NORMALIZED, HIDDEN * 2),
    ],
)
def test_hidden_states_come_last(kind: ReturnHiddenStates, want: np.ndarray) -> None:
    np.testing.assert_array_equal(run(ReturnLogits.LAST_TOKEN, hidden=kind)[-1], want)


def test_variable_with_several_rows() -> None:
    outputs = postprocess(
        ops.constant(HIDDEN[:6]),
        ops.constant(np.array([0, 2, 6], np.uint32)),
        ops.constant(np.array([2], np.int64)),
        ReturnLogits.VARIABLE,
        ReturnHiddenStates.NONE,
    )
    last, logits, logit_offsets = (out.to_numpy() for out in outputs)
    np.testing.assert_array_equal(last, LOGITS[[1, 5]])
    np.testing.assert_array_equal(logits, LOGITS[[0, 1, 4, 5]])
    np.testing.assert_array_equal(logit_offsets, [0, 2, 4])


@pytest.mark.parametrize("soft_cap", [0.0, 5.0])
def test_logits_are_divided_then_capped(soft_cap: float) -> None:
    h, offsets, n = (ops.constant(value) for value in (HIDDEN, OFFSETS, np.array([1], np.int64)))
    (got,) = logits_postprocess(
        h,
        offsets,
        n,
        norm=lambda x: x * 2.0,
        lm_head=lambda x: x @ HEAD.T,
        logits_scaling=3.0,
        soft_cap=soft_cap,
    )
    want = LOGITS[OFFSETS[1:] - 1] / np.float32(3)
    if soft_cap:
        want = soft_cap * np.tanh(want / soft_cap)
    np.testing.assert_allclose(got.to_numpy(), want, rtol=1e-6)
