"""Programs: what native kernels cover of a graph runs from a recording, with the same results."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from max import kernels
from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession, Model
from max.engine.replay import SegmentRunner
from max.engine.replay.backend import Replay
from max.graph import (
    BufferType,
    BufferValue,
    DeviceRef,
    Graph,
    TensorType,
    TensorValue,
    Weight,
    ops,
)
from max.graph.call import call

DIM = 16


def make_model(
    body: Callable[[TensorValue], list[TensorValue]], dtype: DType = DType.float32
) -> Model:
    """A graph of one input [rows, DIM] and the weights that `body` makes."""
    torch.manual_seed(0)
    session = InferenceSession([CPU()])
    with Graph("body", input_types=[TensorType(dtype, ["rows", DIM], DeviceRef.CPU())]) as graph:
        graph.output(*body(graph.inputs[0].tensor))
    weights = {
        name: torch.randn(tuple(int(d) for d in weight.shape)).to(dtype.to_torch())
        for name, weight in graph.weights.items()
    }
    return session.load(graph, weights_registry=weights)


def make_weight(name: str, *shape: int) -> Weight:
    return Weight(name, DType.float32, list(shape), DeviceRef.CPU())


def residual_block(x: TensorValue, name: str = "") -> list[TensorValue]:
    """Two linear layers of one input, their gate, and the sum with the input."""
    gate = ops.linear(x, make_weight(f"{name}gate", 40, DIM))
    up = ops.linear(x, make_weight(f"{name}up", 40, DIM))
    hidden = call("gated", kernels.gated, gate, up, "silu")
    return [x + ops.linear(hidden, make_weight(f"{name}down", DIM, 40))]


def expected_block(model: Model, x: torch.Tensor) -> torch.Tensor:
    (want,) = run_without_replays(model, x)
    return want


def run_without_replays(model: Model, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
    compiled = model.compiled
    weights = [model.weights[name] for name in compiled.extra_names]
    outputs: tuple[torch.Tensor, ...] = compiled.module.forward(*inputs, *weights)
    return outputs


def runners_of(model: Model) -> list[SegmentRunner]:
    targets = [node.target for node in model.replayed.lowered.graph.nodes]
    owners = [getattr(target, "__self__", None) for target in targets]
    return [owner for owner in owners if isinstance(owner, SegmentRunner)]


def replays_of(model: Model) -> list[Replay]:
    replays = model.replayed.replays
    assert replays is not None
    found = [replays.find(key) for key in replays.keys]
    return [replay for replay in found if replay is not None]


def memory_of(model: Model) -> int:
    assert model.replayed.replays is not None
    return model.replayed.replays.memory.nbytes


@pytest.mark.parametrize("rows", [[1], [1, 5, 1, 5, 0], [5000, 1, 5000]])
def test_same_bits_as_the_graph_for_every_number_of_rows(rows: list[int]) -> None:
    model = make_model(residual_block)
    assert len(runners_of(model)) == 1
    for n in rows:
        x = torch.randn(n, DIM)
        assert torch.equal(model(x)[0].tensor, expected_block(model, x))


def test_an_output_is_the_caller_s_to_keep() -> None:
    model = make_model(residual_block)
    x = torch.randn(3, DIM)
    first = model(x)[0].tensor
    copy = first.clone()
    model(torch.randn(3, DIM))
    assert torch.equal(first, copy)


def test_an_output_is_copied_without_the_threads_of_torch() -> None:
    """A copy by torch is shared out to them, and they spin for milliseconds after it."""
    model = make_model(residual_block)
    x = torch.randn(3, DIM)
    model(x)
    ran = set[str]()

    class Noted(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            ran.add(func.overloadpacket.__name__)
            return func(*args, **(kwargs or {}))

    with Noted():  # type: ignore[no-untyped-call]
        model(x)

    assert "clone" not in ran
    assert ran == {"detach", "empty_like"}


def test_the_same_input_with_other_elements_is_read_again() -> None:
    model = make_model(residual_block)
    x = torch.randn(3, DIM)
    for _ in range(4):
        x += 1
        assert torch.equal(model(x)[0].tensor, expected_block(model, x))


def test_memory_that_grows_between_two_calls_moves_their_work_along() -> None:
    model = make_model(residual_block)
    x = torch.randn(3, DIM)
    for _ in range(3):
        model(x)
    model(torch.randn(500, DIM))  # Takes more memory, which voids what was recorded.
    for _ in range(3):
        x += 1
        assert torch.equal(model(x)[0].tensor, expected_block(model, x))
    replays = model.replayed.replays
    assert replays is not None
    replays.clear()
    assert torch.equal(model(x)[0].tensor, expected_block(model, x))
    assert len(replays.keys) == 1


@pytest.mark.parametrize(
    "view",
    [
        lambda h: h[:, :5],
        lambda h: h.reshape([-1]),
        lambda h: ops.split(h, [4, 12], axis=1)[1],
        lambda h: ops.broadcast_to(ops.unsqueeze(h, 0), [3, *h.shape]),
    ],
    ids=["slice", "reshape", "split", "broadcast"],
)
def test_an_output_that_is_a_view_is_the_caller_s_to_keep(view: Any) -> None:
    model = make_model(lambda x: [view(residual_block(x)[0])])
    assert len(runners_of(model)) == 1
    x = torch.randn(3, DIM)
    first = model(x)[0].tensor
    assert torch.equal(first, run_without_replays(model, x)[0])
    copy = first.clone()
    model(torch.randn(3, DIM))
    assert torch.equal(first, copy)


def two_segments(x: TensorValue) -> list[TensorValue]:
    return residual_block(ops.cumsum(residual_block(x)[0], axis=1), "second_")


def test_memory_is_bounded_however_often_a_model_is_called() -> None:
    """Inputs of 8 MiB, which the allocator puts elsewhere as long as the last one is there."""
    model = make_model(two_segments)
    assert len(runners_of(model)) == 2
    inputs = [torch.randn((8 << 20) // (DIM * 4), DIM) for _ in range(4)]
    for i in range(64):
        model(inputs[i % 4])
    replays = model.replayed.replays
    assert replays is not None
    assert len(replays.keys) == 2
    assert replays.memory.nbytes <= 2 * (8 << 20) * (1 + 3 * 40 // DIM)


def test_nothing_given_is_kept_alive() -> None:
    model = make_model(two_segments)
    x = torch.randn(70000, DIM)
    given = weakref.ref(x)
    model(x)
    del x
    assert given() is None


def test_the_longest_unused_replays_go_first() -> None:
    model = make_model(residual_block)
    replays = model.replayed.replays
    assert replays is not None
    model(torch.randn(1, DIM))
    replays.most_bytes = 3 * replays.nbytes
    replays.reserve(1 << 20)
    for rows in (1, 2, 3, 1, 4):
        model(torch.randn(rows, DIM))
    assert [key[1] for key in replays.keys] == [(3, DIM), (1, DIM), (4, DIM)]


def test_inputs_that_are_no_kernel_s_operands_as_they_lie_are_copied() -> None:
    model = make_model(residual_block)
    x = torch.randn(DIM, 6).T
    assert not x.is_contiguous()
    assert torch.equal(model(x)[0].tensor, expected_block(model, x.contiguous()))


def test_a_number_that_is_added_is_no_kernel_s_operand() -> None:
    def body(x: TensorValue) -> list[TensorValue]:
        (first,) = residual_block(x)
        hidden = ops.linear(first + 1.5, make_weight("a", DIM, DIM))
        return [first + hidden]

    model = make_model(body)
    x = torch.randn(4, DIM)
    assert torch.equal(model(x)[0].tensor, expected_block(model, x))


def test_what_no_kernel_covers_stands_between_programs() -> None:
    def body(x: TensorValue) -> list[TensorValue]:
        (first,) = residual_block(x)
        middle = ops.sin(first)
        hidden = ops.linear(middle, make_weight("a", DIM, DIM))
        return [middle + ops.linear(hidden, make_weight("b", DIM, DIM)), first]

    model = make_model(body)
    assert len(runners_of(model)) == 2
    x = torch.randn(4, DIM)
    wants = run_without_replays(model, x)
    for got, want in zip(model(x), wants, strict=True):
        assert torch.equal(got.tensor, want)


def test_what_a_kernel_refuses_cuts_the_program(caplog: pytest.LogCaptureFixture) -> None:
    """At first the segment is left to torch, then without that node it is recorded again."""

    def body(x: TensorValue) -> list[TensorValue]:
        (first,) = residual_block(x)
        half = first.cast(DType.float16)
        for _ in range(2):
            half = call("norm", kernels.rms_norm, half, half[0], 1e-6, 0.0, False)
        return residual_block(half.cast(DType.float32), "second_")

    model = make_model(body)
    x = torch.randn(4, DIM)
    with caplog.at_level(logging.DEBUG, logger="max.engine"):
        for _ in range(3):
            assert torch.equal(model(x)[0].tensor, expected_block(model, x))
    assert len(runners_of(model)) == 2
    line = body.__code__.co_firstlineno + 4
    assert f"Body: program cut at ops.norm, test_replays.py:{line} (2 times)" in caplog.messages


def test_what_is_refused_in_one_layer_is_cut_in_all() -> None:
    def body(x: TensorValue) -> list[TensorValue]:
        for layer in range(4):
            (x,) = residual_block(x, f"{layer}_")
            x = ops.transpose(x, 0, 1).reshape([-1, DIM])
        return [x]

    model = make_model(body)
    assert len(runners_of(model)) == 1
    model(torch.randn(4, DIM))
    assert len(runners_of(model)) == 4
    x = torch.randn(4, DIM)
    assert torch.equal(model(x)[0].tensor, expected_block(model, x))


def test_a_view_that_has_to_copy_cuts_the_program() -> None:
    def body(x: TensorValue) -> list[TensorValue]:
        (first,) = residual_block(x)
        turned = ops.transpose(first, 0, 1).reshape([-1, DIM])
        return residual_block(turned, "second_")

    model = make_model(body)
    assert len(runners_of(model)) == 1
    x = torch.randn(4, DIM)
    for _ in range(3):
        assert torch.equal(model(x)[0].tensor, expected_block(model, x))
    assert len(runners_of(model)) == 2


def test_an_operand_in_strides_is_copied_within_the_program() -> None:
    def body(x: TensorValue) -> list[TensorValue]:
        (h,) = residual_block(x)
        left, right = ops.split(h, [DIM // 2, DIM // 2], axis=1)
        weight = make_weight("norm", DIM // 2)
        return [right + call("norm", kernels.rms_norm, left, weight, 1e-6, 0.0, False)]

    model = make_model(body)
    for rows in (3, 3, 1):
        x = torch.randn(rows, DIM)
        assert torch.equal(model(x)[0].tensor, expected_block(model, x))
    assert len(runners_of(model)) == 1
    labels = [[label.op for label in replay.labels] for replay in replays_of(model)]
    # One row of a half lies in sequence.
    assert [ops[4:] for ops in labels] == [["copy", "rms_norm", "add"], ["rms_norm", "add"]]


def test_views_and_sizes_cost_no_call_and_cut_nothing() -> None:
    def body(x: TensorValue) -> list[TensorValue]:
        (h,) = residual_block(x)
        h = h.reshape([x.shape[0] * 2, DIM // 2]).reshape([-1, 2, DIM // 2])
        left, right = ops.split(h, [1, 1], axis=1)
        both = ops.squeeze(left, 1).reshape([-1, DIM // 2]) + right[:, 0, :]
        return [both + ops.broadcast_to(both[None, ...], [1, x.shape[0], DIM // 2])[0]]

    model = make_model(body)
    for rows in (1, 3, 1):
        x = torch.randn(rows, DIM)
        assert torch.equal(model(x)[0].tensor, expected_block(model, x))
    assert len(runners_of(model)) == 1
    # Two projections in one, gate, projection, and three sums.
    assert [len(replay.labels) for replay in replays_of(model)] == [6, 6]


def test_a_view_of_a_buffer_is_its_memory() -> None:
    """Also where a node outside of the program writes to it."""

    def body(buffer: BufferValue, x: TensorValue) -> list[TensorValue]:
        (first,) = residual_block(x)
        ops.buffer_store_slice(buffer, first, [1])
        return residual_block(first + ops.buffer_load(buffer)[1], "second_")

    types = [
        BufferType(DType.float32, [2, "rows", DIM], DeviceRef.CPU()),
        TensorType(DType.float32, ["rows", DIM], DeviceRef.CPU()),
    ]
    with Graph("body", input_types=types) as graph:
        graph.output(*body(graph.inputs[0].buffer, graph.inputs[1].tensor))
    weights = {n: torch.randn(*map(int, w.shape)) for n, w in graph.weights.items()}
    model = InferenceSession([CPU()]).load(graph, weights_registry=weights)
    assert runners_of(model)
    for _ in range(2):
        x, buffer, expected = torch.randn(3, DIM), torch.zeros(2, 3, DIM), torch.zeros(2, 3, DIM)
        (got,) = model(buffer, x)
        (want,) = run_without_replays(model, expected, x)
        assert torch.equal(got.tensor, want)
        assert torch.equal(buffer, expected) and buffer[1].any()


def test_intermediate_tensors_share_memory() -> None:
    """One after the other: two blocks do, however long the chain."""

    def body(x: TensorValue) -> list[TensorValue]:
        for _ in range(20):
            x = call("gated", kernels.gated, x, x, "silu")
        return [x]

    model = make_model(body)
    rows = 1024
    model(torch.randn(rows, DIM))
    assert memory_of(model) == 2 * rows * DIM * 4


def test_steps_that_grow_take_no_more_than_twice_the_memory_of_the_largest() -> None:
    model = make_model(residual_block)
    for rows in range(1, 65):
        model(torch.randn(rows, DIM))
    grown = memory_of(model)
    alone = make_model(residual_block)
    alone(torch.randn(64, DIM))
    assert grown <= 2 * memory_of(alone)


def test_what_a_kernel_writes_is_written_where_the_caller_has_it() -> None:
    """Small as the cache of this test is, the program must not write to a copy of it."""
    from max.nn.kv_cache import KVCacheParams

    params = KVCacheParams(DType.float32, 1, 4, 1, [DeviceRef.CPU()], page_size=4)
    blocks = torch.zeros(2, *params.shape_per_block)
    offsets, past = torch.tensor([0, 1], dtype=torch.uint32), torch.zeros(1, dtype=torch.uint32)
    table = torch.zeros(1, 1, dtype=torch.uint32)
    types = [
        TensorType(DType.float32, ["rows", 4], DeviceRef.CPU()),
        TensorType(DType.uint32, ["offsets"], DeviceRef.CPU()),
        TensorType(DType.float32, ["pages", 2, 1, 4, 1, 4], DeviceRef.CPU()),
        TensorType(DType.uint32, ["batch"], DeviceRef.CPU()),
        TensorType(DType.uint32, ["batch", "width"], DeviceRef.CPU()),
        TensorType(DType.float32, ["positions", 2, 2], DeviceRef.CPU()),
    ]
    with Graph("store", input_types=types) as graph:
        x, rows, cache, lengths, pages, freqs = (value.tensor for value in graph.inputs)
        turned = call(
            "rope", kernels.rope_store_ragged, x, x, x, rows, freqs, cache, lengths, pages, 0, False
        )
        graph.output(turned + x)
    model = InferenceSession([CPU()]).load(graph)
    assert len(runners_of(model)) == 1
    freqs_cis = torch.tensor([1.0, 0.0]).expand(4, 2, 2).contiguous()
    for n in range(2):  # recorded, then run again
        token = torch.full((1, 4), 1.0 + n)
        model(token, offsets, blocks, past, table, freqs_cis)
        assert torch.equal(blocks[0, 1, 0, 0, 0], token[0])
    # Another cache of that shape lies elsewhere: the program that is recorded is not for it.
    other, before = torch.zeros_like(blocks), blocks.clone()
    model(torch.full((1, 4), 5.0), offsets, other, past, table, freqs_cis)
    assert other.any() and torch.equal(blocks, before)
