"""Captured graphs on a CPU: a recorder that repeats torch's calls stands for CUDA's graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from max import kernels
from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession, Model
from max.engine.replay.captures import Captures
from max.engine.replay.recorders import TorchCalls, can_be_captured, recorder_for
from max.graph import BufferType, DeviceRef, Graph, TensorType, TensorValue, ops


def counting(calls: list[int], x: torch.Tensor, memory: torch.Tensor) -> Sequence[torch.Tensor]:
    """Adds the sum of all rows to a memory; gives the memory so far, and each row doubled."""
    calls.append(len(x))
    memory += x.sum()
    doubled = x * 2
    return [doubled.view(-1, 1), memory * 1]


def make_captures(calls: list[int], memory: torch.Tensor, sizes: Sequence[int]) -> Captures:
    captures = Captures(lambda *given: counting(calls, *given), [False, True], TorchCalls())
    for size in sizes:
        captures.capture(size, [torch.zeros(size), memory])
    captures.choose_by(lambda inputs: min((s for s in sizes if s >= len(inputs[0])), default=None))
    return captures


def test_a_captured_graph_runs_again_without_python() -> None:
    calls: list[int] = []
    memory = torch.zeros(1)
    captures = make_captures(calls, memory, [4, 2])
    assert calls == [4, 2] and captures.sizes == [2, 4]
    outputs = captures.run([torch.tensor([1.0, 2.0]), memory])
    assert outputs is not None and calls == [4, 2]
    assert outputs[0].tolist() == [[2.0], [4.0]] and memory.tolist() == [3.0]


def test_smaller_inputs_are_padded_with_what_was_captured() -> None:
    memory = torch.zeros(1)
    captures = make_captures([], memory, [4])
    for values in ([1.0, 2.0, 3.0, 4.0], [5.0], [6.0, 7.0, 8.0]):
        outputs = captures.run([torch.tensor(values), memory])
        assert outputs is not None
        assert outputs[0].flatten().tolist() == [2 * value for value in values]
    # Nothing of the first batch was left in the places of the others.
    assert memory.tolist() == [10.0 + 5.0 + 21.0]


def test_outputs_are_the_callers() -> None:
    memory = torch.zeros(1)
    captures = make_captures([], memory, [2])
    first = captures.run([torch.tensor([1.0, 1.0]), memory])
    captures.run([torch.tensor([3.0, 3.0]), memory])
    assert first is not None and first[1].tolist() == [2.0]


def test_what_is_larger_is_not_captured() -> None:
    memory = torch.zeros(1)
    captures = make_captures([], memory, [2])
    assert captures.run([torch.zeros(3), memory]) is None
    captures.choose_by(lambda inputs: 2)
    assert captures.run([torch.zeros(3), memory]) is None


def test_only_outputs_of_all_rows_are_cut() -> None:
    """A number, and a table of another height, are given whole."""

    def forward(x: torch.Tensor) -> Sequence[torch.Tensor]:
        return [x * 2, x.sum(), x[:3].sum().expand(3) * 1]

    captures = Captures(forward, [False], TorchCalls())
    captures.capture(4, [torch.zeros(4)])
    assert captures.run([torch.ones(2)]) is None  # Nothing says yet which size it is.
    captures.choose_by(lambda inputs: 4)
    outputs = captures.run([torch.tensor([1.0, 2.0])])
    assert outputs is not None
    assert [each.tolist() for each in outputs] == [[2.0, 4.0], 3.0, [3.0, 3.0, 3.0]]


def load(
    body: Callable[[TensorValue], list[TensorValue]], monkeypatch: pytest.MonkeyPatch
) -> Model:
    """A graph of x [rows] and a buffer, in a session that captures."""
    monkeypatch.setattr("max.engine.session.recorder_for", lambda device: TorchCalls())
    types = [
        TensorType(DType.float32, ["rows"], DeviceRef.CPU()),
        BufferType(DType.float32, [1], DeviceRef.CPU()),
    ]
    with Graph("body", input_types=types) as graph:
        graph.output(*body(graph.inputs[0].tensor))
    return InferenceSession([CPU()]).load(graph)


def test_a_models_captures_know_its_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(lambda x: [x * 2 + 1], monkeypatch)
    assert model.captures is not None and model.replayed.replays is None
    memory = torch.zeros(1)
    with torch.inference_mode():
        model.captures.capture(4, [torch.zeros(4), memory])
    model.captures.choose_by(lambda inputs: 4)
    (result,) = model.execute(torch.tensor([1.0, 2.0]), memory)
    assert result.to_numpy().tolist() == [3.0, 5.0]


def test_what_prints_or_decides_is_not_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    def printing(x: TensorValue) -> list[TensorValue]:
        x.print("x")
        return [x * 2]

    def deciding(x: TensorValue) -> list[TensorValue]:
        (result,) = ops.cond(ops.sum(x).reshape([]) > 0, [x.type], lambda: x * 2, lambda: x)
        return [result.tensor]

    assert load(printing, monkeypatch).captures is None
    assert load(deciding, monkeypatch).captures is None


def test_on_a_gpu_every_op_of_ours_needs_its_kernel() -> None:
    types = [TensorType(DType.float32, ["rows", 8], DeviceRef.GPU(0))] * 2
    for target, can in ((kernels.gated, True), (kernels.packed_linear, False)):
        with Graph("body", input_types=types) as graph:
            x, y = (value.tensor for value in graph.inputs)
            graph.output(x * 2)
        (node,) = graph.fx.find_nodes(op="output")
        with graph.fx.inserting_before(node):
            graph.fx.call_function(target, (x.node, y.node))
        assert can_be_captured(graph.fx, types) is can


def test_a_host_has_programs_instead_of_captures() -> None:
    assert recorder_for(DeviceRef.CPU()) is None
    assert recorder_for(DeviceRef.GPU(1)) is not None
