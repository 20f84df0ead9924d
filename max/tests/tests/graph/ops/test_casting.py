"""Casts and transfers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.graph import DeviceRef, Graph, TensorType, TensorValue, ops
from tests.graph.run_op import NUMBERS, assert_op, make_tensor, refusal

PAIRS = list(itertools.permutations([*NUMBERS, DType.bool], 2))


@pytest.mark.parametrize(("before", "after"), PAIRS, ids=str)
def test_casts_keep_small_numbers(before: DType, after: DType) -> None:
    a = make_tensor((3, 5), before).float().floor().to(before.to_torch())
    wide = a.float().numpy()
    wanted = wide.astype(bool if after is DType.bool else np.float32)
    assert_op(lambda x: x.cast(after), torch.as_tensor(wanted).to(after.to_torch()), a)


def test_a_cast_to_the_same_dtype_is_nothing() -> None:
    value = TensorValue(make_tensor((3,)))
    assert ops.cast(value, DType.float32) is value


def test_unsigned_edges_survive() -> None:
    a = torch.tensor([2**32 - 1, 2**31], dtype=torch.uint32)
    assert_op(lambda x: x.cast(DType.int64), torch.tensor([2**32 - 1, 2**31]), a)


def test_casts_want_a_dtype() -> None:
    value = TensorValue(make_tensor((3,)))
    message = refusal(lambda: ops.cast(value, torch.int32))  # type: ignore[arg-type]
    assert "dtype must be a DType, got torch.int32" in message


def test_a_transfer_to_the_same_device_is_nothing() -> None:
    value = TensorValue(make_tensor((3,)))
    assert value.to(CPU()) is value
    assert ops.transfer_to(value, DeviceRef.CPU()) is value


def test_graphs_may_name_devices_that_are_not_here() -> None:
    graph = Graph("g", input_types=[TensorType(DType.float32, ["n"], DeviceRef.CPU())])
    with graph:
        there = graph.inputs[0].tensor.to(DeviceRef.GPU(1))
        assert there.device == DeviceRef.GPU(1)
        assert there.to(DeviceRef.CPU()).device == DeviceRef.CPU()
