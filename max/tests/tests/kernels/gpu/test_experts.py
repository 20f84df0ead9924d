"""Experts and their routing, in the interpreter, against their references."""

# build: size = "medium"

from __future__ import annotations

from typing import Any

import pytest
import torch

from max.dtype import DType
from max.engine.passes.layouts import use_layouts
from max.graph import DeviceRef, Graph, TensorType, Weight
from max.graph.quantization import QuantizationEncoding
from max.kernels import experts as experts_op
from max.kernels import planes_experts as planes_experts_op
from max.kernels.experts.reference import SWISH_PLUS_ONE, experts_reference
from max.kernels.experts.triton_product import FEW_PAIRS
from max.kernels.layouts import ExpertPlanes
from max.kernels.planes_experts.reference import planes_experts_reference
from max.kernels.registry import runs_on_gpu
from max.kernels.route_tokens.reference import SCORES, route_tokens_reference
from max.nn.moe import Experts
from tests.kernels.gpu.interpreter import interpreted
from tests.kernels.quantized_weights import make_quantized_weight

EXPERTS, TOP_K, HIDDEN, WIDTH = 4, 2, 48, 40
TOLERANCE = {torch.float32: 1e-5, torch.float16: 4e-3}


def make_routes(rows: int) -> torch.Tensor:
    """Two experts of each row, one of which nobody has, and weights."""
    chosen = torch.rand(rows, EXPERTS - 1).argsort(1)[:, :TOP_K]
    return torch.cat((chosen.float(), torch.rand(rows, TOP_K)), 1)


def assert_alike(got: torch.Tensor, want: torch.Tensor) -> None:
    assert got.dtype == want.dtype
    most = float(want.abs().max()) if want.numel() else 1.0
    tolerance = TOLERANCE[want.dtype]
    torch.testing.assert_close(got, want, rtol=tolerance, atol=tolerance * most)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("rows", [0, 1, 23])
@pytest.mark.parametrize(
    ("activation", "limit", "has_bias", "scales_input"),
    [("silu", 0.0, False, False), (SWISH_PLUS_ONE, 1.0, True, False), ("gelu", 0.0, True, True)],
)
def test_experts(
    dtype: torch.dtype,
    rows: int,
    activation: str,
    limit: float,
    has_bias: bool,
    scales_input: bool,
) -> None:
    """One row is a pair for each program; 23 are 46 pairs, in blocks by their experts."""
    assert TOP_K <= FEW_PAIRS < 23 * TOP_K
    torch.manual_seed(0)
    shapes = ((WIDTH, HIDDEN), (WIDTH, HIDDEN), (HIDDEN, WIDTH))
    stacks = [torch.randn(EXPERTS, *shape).to(dtype) / 7 for shape in shapes]
    biases = [torch.randn(EXPERTS, out).to(dtype) if has_bias else None for out, _ in shapes]
    arguments: tuple[Any, ...] = (
        torch.randn(rows, HIDDEN).to(dtype),
        make_routes(rows),
        None,
        *stacks,
        biases,
        [],
        ["unused"] * 3,
        [False] * 3,
        EXPERTS,
        WIDTH,
        activation,
        limit,
        scales_input,
    )
    assert_alike(interpreted("experts")(*arguments), experts_reference(*arguments))


@pytest.mark.parametrize("rows", [1, 12])
def test_each_row_has_its_adapter_of_each_expert(rows: int) -> None:
    torch.manual_seed(0)
    shapes = ((WIDTH, HIDDEN), (WIDTH, HIDDEN), (HIDDEN, WIDTH))
    stacks = [torch.randn(EXPERTS, *shape) / 7 for shape in shapes]
    count = 2 * EXPERTS
    tables: list[torch.Tensor] = []
    for out, columns in shapes:
        a, b = torch.randn(count, columns, 16) / 7, torch.randn(count, -(-out // 16), 16, 16)
        ranks = torch.randint(0, 17, (count,), dtype=torch.int32)
        affine, is_affine = torch.zeros(count, 2, out), torch.zeros(count, dtype=torch.int32)
        tables += [a, b, torch.rand(count) + 0.5, ranks, affine, is_affine]
    adapters = torch.randint(0, 3, (rows, 1), dtype=torch.int32)
    settings = (["unused"] * 3, [False] * 3, EXPERTS, WIDTH, "silu", 0.0, False)
    arguments: tuple[Any, ...] = (
        torch.randn(rows, HIDDEN),
        make_routes(rows),
        adapters,
        *stacks,
        [None] * 3,
        tables,
        *settings,
    )
    assert_alike(interpreted("experts")(*arguments), experts_reference(*arguments))


def planes_call(rows: int, encodings: list[str], placed: list[bool]) -> tuple[Any, ...]:
    """Arguments of `planes_experts` for 256 elements; what is not in planes is float32."""
    torch.manual_seed(0)
    stacks = []
    for number, (encoding, is_placed) in enumerate(zip(encodings, placed, strict=True)):
        if not is_placed:
            stacks.append(torch.randn(EXPERTS, 256, 256) / 16)
            continue
        weight = make_quantized_weight(EXPERTS * 256, 256, encoding, seed=number)
        layout = ExpertPlanes.of(
            Weight(
                "w",
                DType.float32,
                [EXPERTS, 256, 256],
                DeviceRef.GPU(0),
                QuantizationEncoding(encoding),
            )
        )
        assert layout is not None
        stacks.append(torch.zeros(layout.nbytes, dtype=torch.uint8))
        read: list[int] = []
        layout.place(weight.unflatten(0, (EXPERTS, 256)), stacks[-1], read.append)
        assert read[-1] == EXPERTS
    return (
        torch.randn(rows, 256),
        make_routes(rows),
        None,
        *stacks,
        [None] * 3,
        [],
        encodings,
        placed,
        EXPERTS,
        256,
        "silu",
        0.0,
        False,
    )


@pytest.mark.parametrize(
    ("rows", "encodings", "placed"),
    [
        (1, ["q4_k", "q4_k", "q6_k"], [True, True, True]),
        (9, ["q8_0", "q8_0", "float32"], [True, True, False]),
    ],
)
def test_matrices_in_planes(rows: int, encodings: list[str], placed: list[bool]) -> None:
    arguments = planes_call(rows, encodings, placed)
    want = planes_experts_reference(*arguments)
    assert_alike(interpreted("planes_experts")(*arguments), want)


def test_a_gpu_reads_blocks_in_planes_and_what_it_cannot_is_not_captured() -> None:
    device = DeviceRef.GPU(0)
    layer = Experts(EXPERTS, 256, 256, DType.float32, device)
    kinds = ("q4_k", "q8_0", "iq3_s")
    for matrix, kind in zip((layer.gate_proj, layer.up_proj, layer.down_proj), kinds, strict=True):
        matrix.weight.quantization_encoding = QuantizationEncoding(kind)
    layer.raw_state_dict()
    types = [
        TensorType(DType.float32, ["rows", 256], device),
        TensorType(DType.float32, ["rows", 2 * TOP_K], device),
    ]
    with Graph("experts", input_types=types) as graph:
        x, routes = (value.tensor for value in graph.inputs)
        graph.output(layer(x, routes))
    layouts = use_layouts(graph.fx, graph.weights)
    assert len(layouts) == 2 and {type(each) for each in layouts.values()} == {ExpertPlanes}
    (call,) = [node for node in graph.fx.nodes if node.op == "call_function"]
    assert call.target is planes_experts_op and call.args[9] == [True, True, False]
    blocks, flat = torch.zeros(4, 8, 2, dtype=torch.uint8), torch.zeros(64, dtype=torch.uint8)
    rest = [None] * 3
    assert not runs_on_gpu(planes_experts_op, [*rest, flat, flat, blocks])
    assert runs_on_gpu(planes_experts_op, [*rest, flat, flat, torch.zeros(4, 8, 2)])
    assert not runs_on_gpu(experts_op, [*rest, blocks, blocks, blocks])


@pytest.mark.parametrize("scores", SCORES)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("rows", [0, 3])
def test_routing(scores: str, dtype: torch.dtype, rows: int) -> None:
    torch.manual_seed(0)
    # Whole numbers and halves of a permutation: no two are alike.
    logits = torch.rand(rows, 12).argsort(-1).to(dtype) / 2
    for bias, groups, top_groups, best, renormalizes, scale, jitter in (
        (None, 1, 1, 1, False, 1.0, 0.1),
        (torch.randn(12), 1, 1, 1, True, 2.5, 0.0),
        (torch.randn(12), 4, 2, 2, True, 1.0, 0.0),
        (None, 3, 1, 1, False, 1.0, 0.0),
    ):
        if scores == "sparse_mixer" and groups > 1:
            continue
        settings = (3, scores, groups, top_groups, best, renormalizes, scale, jitter)
        want = route_tokens_reference(logits, bias, *settings)
        got = interpreted("route_tokens")(logits, bias, *settings)
        assert torch.equal(got[:, :3], want[:, :3])
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-6)


def test_a_row_without_numbers_chooses_experts_that_exist() -> None:
    logits = torch.full([1, 5], torch.nan)
    got = interpreted("route_tokens")(logits, None, 2, "softmax", 1, 1, 1, True, 1.0, 0.0)
    assert ((got[:, :2] >= 0) & (got[:, :2] < 5)).all()
