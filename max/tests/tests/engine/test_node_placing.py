"""Weights on the NUMA nodes that read them: the same results, and what each is of its job."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession
from max.engine.node_placing import parts_of_jobs
from max.engine.packed import PackedWeights
from max.graph import Graph, TensorType, TensorValue, Weight, ops
from max.kernels.thread_pool.placing import JobPart

X = TensorType(DType.float32, ["n", 8], CPU())
SHAPES = {"query": [128, 8], "key": [64, 8], "value": [64, 8], "output": [96, 128], "scale": [8]}
VALUES = {name: torch.randn(shape) for name, shape in SHAPES.items()}
PLACES = ("max.engine.weights", "max.engine.node_placing", "max.driver.host_reserve")


def make_graph() -> Graph:
    weights = {name: Weight(name, DType.float32, shape, CPU()) for name, shape in SHAPES.items()}

    def forward(x: TensorValue) -> list[TensorValue]:
        x = x * weights["scale"]
        query, key, value = (ops.linear(x, weights[name]) for name in ("query", "key", "value"))
        return [ops.linear(query, weights["output"]), key, value]

    return Graph("model", forward, [X])


def run(packed: PackedWeights | None = None) -> list[torch.Tensor]:
    model = InferenceSession(packed=packed).load(make_graph(), weights_registry=VALUES)
    return [result.tensor for result in model.execute(torch.eye(8))]


@pytest.fixture
def several_nodes(monkeypatch: pytest.MonkeyPatch) -> list[frozenset[int]]:
    """Two nodes, both of them with all of this machine's CPUs but one set more than the other."""
    nodes = [frozenset(os.sched_getaffinity(0)), frozenset(os.sched_getaffinity(0) | {0, 1000})]
    for place in PLACES:
        monkeypatch.setattr(f"{place}.node_cpus", lambda: nodes)
    monkeypatch.setattr("max.kernels.thread_pool.placing.cpus_of_threads", lambda count: nodes)
    monkeypatch.setattr("max.kernels.thread_pool.placing.HUGE_PAGE", 64)
    return nodes


def test_calls_that_were_joined_share_a_job() -> None:
    parts = parts_of_jobs(InferenceSession().compile(make_graph()))
    assert parts == {
        "query": JobPart(0, 0.5),
        "key": JobPart(0.5, 0.75),
        "value": JobPart(0.75, 1),
        "output": JobPart(0, 1),
    }


def test_results_are_the_same(several_nodes: list[frozenset[int]]) -> None:
    with pytest.MonkeyPatch.context() as plain:
        for place in PLACES:
            plain.setattr(f"{place}.node_cpus", lambda: several_nodes[:1])
        expected = run()
    assert all(torch.equal(a, b) for a, b in zip(run(), expected, strict=True))


def test_a_mapped_file_is_copied_to_its_nodes(
    tmp_path: Path, several_nodes: list[frozenset[int]], caplog: pytest.LogCaptureFixture
) -> None:
    expected = run(PackedWeights(tmp_path, "1", is_kept=True))
    with caplog.at_level("INFO"):
        got = run(PackedWeights(tmp_path, "1"))
    assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))
    (told,) = (record.message for record in caplog.records if "copied" in record.message)
    assert told.startswith("copied 0.0 GB of weights to the 2 NUMA nodes that read them, in ")


def test_on_one_node_a_mapped_file_stays_where_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(PackedWeights(tmp_path, "1", is_kept=True))
    with caplog.at_level("INFO"):
        run(PackedWeights(tmp_path, "1"))
    assert "copied" not in caplog.text
