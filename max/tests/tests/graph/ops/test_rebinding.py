"""Naming sizes, and checking them when the model runs."""

from __future__ import annotations

import numpy as np
import pytest

from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession, Model
from max.graph import Dim, Graph, TensorType, TensorValue
from tests.graph.run_op import assert_op, make_tensor, message_of, refusal

TYPES = [TensorType(DType.float32, ["a", 4], CPU()), TensorType(DType.float32, ["b", 4], CPU())]


def make_sum() -> Model:
    """A model of `x[a, 4] + y[b, 4]`, which says that a is b."""
    graph = Graph("g", lambda x, y: x + y.rebind(["a", 4], "one row for each"), TYPES)
    return InferenceSession().load(graph)


def test_rebound_sizes_are_checked_when_the_model_runs() -> None:
    model = make_sum()
    ones = np.ones((3, 4), dtype=np.float32)
    assert model(ones, ones)[0].to_numpy().sum() == 24
    with pytest.raises(ValueError, match=r"axis 0 of \[2, 4\] should be 'a' = 3, but is 2. one"):
        model(ones, ones[:2])


def test_a_new_name_is_a_size_from_then_on() -> None:
    graph = Graph("g", lambda x, y: x.rebind(["rows", 4]).reshape([Dim("rows") * 4]), TYPES)
    assert graph.output_types is not None
    assert str(graph.output_types[0].shape) == "[4*rows]"


def test_symbols_can_be_said_to_be_numbers() -> None:
    model = InferenceSession().load(Graph("g", lambda x, _: x.rebind([3, 4]), TYPES))
    ones = np.ones((3, 4), dtype=np.float32)
    assert model(ones, ones)[0].shape == (3, 4)
    with pytest.raises(ValueError, match=r"axis 0 of .* should be '3' = 3, but is 2"):
        model(ones[:2], ones)


def test_rebind_at_once() -> None:
    a = make_tensor((3, 4))
    assert_op(lambda x: x.rebind(x.shape), a, a)
    assert TensorValue(a).rebind(["any", 4]).shape == [3, 4]


def test_rebinds_that_cannot_be() -> None:
    a = make_tensor((3, 4))
    assert "ops.rebind: axis 1 is 4, not 5. why" in message_of(lambda x: x.rebind([3, 5], "why"), a)
    assert "[3, 4] has 2 axes, [3] has 1" in message_of(lambda x: x.rebind([3]), a)
    message = refusal(lambda: Graph("g", lambda x, _: x.rebind(["a", 5]), TYPES))
    assert "axis 1 is 4, not 5" in message
