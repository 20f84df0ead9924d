"""The pass that norms heads on their way into the cache."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from max.dtype import DType
from max.engine.passes.head_norms import join_head_norms
from max.graph import BufferType, DeviceRef, Graph, TensorType, Weight
from max.graph.call import call
from max.kernels import norm_rope_store_ragged, rope_store_ragged
from max.nn.attention.attention import per_head
from max.nn.kernels import rms_norm

HEADS, KV_HEADS, HEAD_DIM = 4, 2, 8


def make_graph(device: DeviceRef, eps: float = 1e-6, reads_norm: bool = False) -> Graph:
    """Queries and keys normed by head, turned and stored; `eps` is that of keys."""

    def norm(name: str, x: Any, own_eps: float) -> Any:
        weight = Weight(name, DType.float32, [HEAD_DIM], device)
        return per_head(lambda heads: rms_norm(heads, weight, own_eps), x, HEAD_DIM)  # type: ignore[arg-type]

    rows = [TensorType(DType.float32, ["rows", heads * HEAD_DIM], device) for heads in (4, 2, 2)]
    sizes = [
        TensorType(DType.uint32, ["ends"], device),
        TensorType(DType.float32, ["positions", HEAD_DIM // 2, 2], device),
        BufferType(DType.float32, ["pages", 2, 1, 4, KV_HEADS, HEAD_DIM], device),
        TensorType(DType.uint32, ["batch"], device),
        TensorType(DType.uint32, ["batch", "width"], device),
    ]
    with Graph("attention", input_types=[*rows, *sizes]) as graph:
        q, k, v, *cache = graph.inputs
        q, k = norm("q_norm", q.tensor, 1e-6), norm("k_norm", k.tensor, eps)
        stored = call("rope_store_ragged", rope_store_ragged, q, k, v, *cache, 0, False)
        graph.output(stored, *([q] if reads_norm else []))
    return graph


def targets(graph: Graph) -> list[object]:
    join_head_norms(graph.fx)
    graph.fx.lint()
    return [node.target for node in graph.fx.nodes if node.op == "call_function"]


def test_norms_that_nobody_else_reads_are_joined() -> None:
    graph = make_graph(DeviceRef.GPU(0))
    assert targets(graph) == [norm_rope_store_ragged]
    (node,) = graph.fx.find_nodes(op="call_function", target=norm_rope_store_ragged)
    names = [each.meta["name"] for each in node.all_input_nodes[:5]]
    assert names == ["input_0", "input_1", "input_2", "q_norm", "k_norm"]
    assert node.args[5:8] == (1e-6, 0.0, True) and node.meta["val"].shape[1] == HEADS * HEAD_DIM


@pytest.mark.parametrize(
    "graph",
    [
        pytest.param(make_graph(DeviceRef.CPU()), id="on a host"),
        pytest.param(make_graph(DeviceRef.GPU(0), eps=1e-5), id="of two kinds"),
        pytest.param(make_graph(DeviceRef.GPU(0), reads_norm=True), id="read by others"),
    ],
)
def test_other_norms_stay(graph: Graph) -> None:
    assert rope_store_ragged in targets(graph)


def test_the_op_is_norms_and_rotation() -> None:
    torch.manual_seed(0)
    q, k, v = (torch.randn(3, heads * HEAD_DIM) for heads in (HEADS, KV_HEADS, KV_HEADS))
    weights = torch.randn(2, HEAD_DIM)
    offsets, lengths = (torch.tensor(x, dtype=torch.uint32) for x in ([0, 3], [2]))
    lookup = torch.tensor([[1, 2]], dtype=torch.uint32)
    blocks = [torch.zeros(3, 2, 1, 4, KV_HEADS, HEAD_DIM) for _ in range(2)]
    normed = [
        torch.ops.max.rms_norm(x.view(3, -1, HEAD_DIM), w, 1e-6, 0.0, True).flatten(1)
        for x, w in zip((q, k), weights, strict=True)
    ]
    rest = (offsets, torch.randn(8, HEAD_DIM // 2, 2))
    cache = (lengths, lookup, 0, False)
    want = rope_store_ragged(*normed, v, *rest, blocks[0], *cache)
    got = norm_rope_store_ragged(q, k, v, *weights, 1e-6, 0.0, True, *rest, blocks[1], *cache)
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(*blocks)
