"""Graphs of random operations, views and cuts give the bits that torch gives node by node."""

from __future__ import annotations

import random

import pytest
import torch

from max import kernels
from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession, Model
from max.engine.activation_memory import peak_activation_bytes
from max.graph import Graph, TensorType, TensorValue, Weight, ops
from max.graph.call import call

WIDTH = 12


def one_more(choose: random.Random, values: list[TensorValue], index: int) -> TensorValue:
    """A tensor [rows, WIDTH] computed of some that there are."""
    a, b = choose.choice(values), choose.choice(values)
    weight = Weight(f"weight_{index}", DType.float32, [WIDTH, WIDTH], CPU())
    halves = ops.split(a, [WIDTH // 2, WIDTH // 2], axis=1)
    makers = {
        "linear": lambda: ops.linear(a, weight),
        "add": lambda: a + b,
        "gated": lambda: call("gated", kernels.gated, a, b, "silu"),
        "norm": lambda: call("norm", kernels.rms_norm, a, (weight + 0.0)[0], 1e-6, 0.0, False),
        "swapped halves": lambda: ops.concat([halves[1], halves[0]], axis=1),
        "sum of views": lambda: (
            (halves[0] + b[:, WIDTH // 2 :]).reshape([-1, WIDTH // 2, 1])
            + ops.unsqueeze(a.reshape([-1, 2, WIDTH // 2])[:, 1, :], 2)
        ),
        "cut": lambda: ops.cumsum(a, axis=1),
        "turned": lambda: ops.transpose(ops.transpose(a, 0, 1), 0, 1),
        "copied by a view": lambda: ops.transpose(a, 0, 1).reshape([-1, WIDTH]),
    }
    value = makers[choose.choice(list(makers))]()
    return value if value.rank == 2 else ops.concat([ops.squeeze(value, 2)] * 2, axis=1)


def make_model(seed: int) -> Model:
    choose = random.Random(seed)
    with Graph("g", input_types=[TensorType(DType.float32, ["rows", WIDTH], CPU())] * 2) as graph:
        values = [each.tensor for each in graph.inputs]
        for index in range(12):
            values.append(one_more(choose, values, index))
        outputs = [*choose.sample(values[2:], 3), values[-1], values[-1][:, 3:7]]
        graph.output(*outputs)
    torch.manual_seed(seed)
    registry = {name: torch.randn(WIDTH, WIDTH) / WIDTH for name in graph.weights}
    return InferenceSession().load(graph, weights_registry=registry)


def node_by_node(model: Model, inputs: list[torch.Tensor]) -> list[torch.Tensor]:
    weights = [model.weights[name] for name in model.compiled.extra_names]
    outputs = model.compiled.module.forward(*inputs, *weights)
    return [output.clone() for output in outputs]


@pytest.mark.parametrize("seed", range(12))
def test_bits_memory_and_outputs_that_stay(seed: int) -> None:
    model = make_model(seed)
    planned = peak_activation_bytes(model, [torch.empty(9, WIDTH, device="meta")] * 2)
    replays = model.replayed.replays
    assert replays is not None
    reserved = replays.memory.nbytes
    assert reserved <= planned
    earlier: list[tuple[list[torch.Tensor], list[torch.Tensor]]] = []
    for rows in (9, 1, 4, 9, 0, 4):
        inputs = [torch.randn(rows, WIDTH) for _ in range(2)]
        got = [buffer.tensor for buffer in model(*inputs)]
        earlier.append((got, node_by_node(model, inputs)))
        for outputs, expected in earlier:
            assert all(map(torch.equal, outputs, expected))
    assert replays.memory.nbytes == reserved
