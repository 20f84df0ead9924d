"""The pass that makes a sum and its norm one call."""

from __future__ import annotations

import operator
from collections.abc import Callable

import pytest
import torch

from max.dtype import DType
from max.engine.passes.sums import join_sums
from max.graph import DeviceRef, Graph, TensorType, TensorValue, Weight, ops
from max.kernels import add_layer_norm, add_rms_norm
from max.nn.kernels import rms_norm

GPU, CPU = DeviceRef.GPU(0), DeviceRef.CPU()


def weight(name: str, device: DeviceRef) -> Weight:
    return Weight(name, DType.float32, [8], device)


def rms(x: TensorValue, device: DeviceRef) -> TensorValue:
    return rms_norm(x, weight("norm", device), 1e-6)


def layer(x: TensorValue, device: DeviceRef) -> TensorValue:
    return ops.layer_norm(x, weight("norm", device), weight("bias", device), 1e-5)


def joined(graph: Graph) -> list[object]:
    """The targets that have become of a graph."""
    join_sums(graph.fx)
    graph.fx.lint()
    return [node.target for node in graph.fx.nodes if node.op == "call_function"]


def types(device: DeviceRef, *last: int) -> list[TensorType]:
    return [TensorType(DType.float32, ["rows", size], device) for size in last]


@pytest.mark.parametrize(("norm", "op"), [(rms, add_rms_norm), (layer, add_layer_norm)])
def test_a_sum_that_is_normed_and_kept(norm: Callable[..., TensorValue], op: object) -> None:
    def block(x: TensorValue, y: TensorValue) -> list[TensorValue]:
        h = x + y
        return [h + norm(h, GPU)]

    graph = Graph("g", block, types(GPU, 8, 8))
    assert joined(graph) == [op, operator.getitem, operator.getitem, operator.add]
    both, total, normed, last = [n for n in graph.fx.nodes if n.op == "call_function"]
    assert last.args == (total, normed) and total.args == (both, 0) and normed.args == (both, 1)
    assert normed.meta["val"].shape[1] == 8


def test_what_stays_apart() -> None:
    """On a host; of tensors of two shapes; where the norm's weight is computed."""

    def plain(device: DeviceRef) -> Callable[..., TensorValue]:
        return lambda x, y: rms(x + y, device)

    def scaled(x: TensorValue, y: TensorValue) -> TensorValue:
        return rms_norm(x + y, weight("norm", GPU) * 2.0, 1e-6)

    for graph in (
        Graph("host", plain(CPU), types(CPU, 8, 8)),
        Graph("shapes", plain(GPU), types(GPU, 8, 1)),
        Graph("weight", scaled, types(GPU, 8, 8)),
    ):
        before = [node.target for node in graph.fx.nodes if node.op == "call_function"]
        assert operator.add in before and joined(graph) == before


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_ops_are_the_sum_and_the_norm(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    x, y, w = torch.randn(3, 8).to(dtype), torch.randn(3, 8).to(dtype), torch.randn(8).to(dtype)
    total, normed = add_rms_norm(x, y, w, 1e-6, 0.0, True)
    assert torch.equal(total, x + y)
    assert torch.equal(normed, torch.ops.max.rms_norm(x + y, w, 1e-6, 0.0, True))
    total, normed = add_layer_norm(x, y, w, None, 1e-5)
    assert torch.equal(total, x + y)
    torch.testing.assert_close(normed, torch.nn.functional.layer_norm(x + y, [8], w))
