"""Quantized weights in planes: laid out, decoded and multiplied, in the interpreter."""

# build: size = "medium"

from __future__ import annotations

import pytest
import torch

from max.dtype import DType
from max.engine.passes.layouts import use_layouts
from max.graph import DeviceRef, Graph, TensorType, Weight
from max.graph.quantization import QuantizationEncoding, dequantize_rows
from max.kernels import planes_linear, planes_rows
from max.kernels.layouts.planes import PARTS, Planes
from max.kernels.planes_linear.reference import planes_linear_reference
from max.kernels.quantized_matmul.reference import quantized_matmul_reference
from max.nn.kernels import quantized_matmul
from tests.kernels.gpu.interpreter import interpreted
from tests.kernels.quantized_weights import make_quantized_weight

ROWS, COLUMNS = 9, 512


def make_planes(encoding: str, rows: int = ROWS) -> tuple[Planes, torch.Tensor, torch.Tensor]:
    """A layout, a weight as in a file, and laid out."""
    weight = make_quantized_weight(rows, COLUMNS, encoding)
    layout = Planes(rows, COLUMNS, encoding)
    placed = torch.zeros(layout.nbytes, dtype=torch.uint8)
    layout.place(weight, placed)
    return layout, weight, placed


@pytest.mark.parametrize("encoding", PARTS)
def test_the_bytes_stay_what_they_are(encoding: str) -> None:
    layout, weight, placed = make_planes(encoding)
    assert sum(PARTS[encoding]) == QuantizationEncoding(encoding).block_size
    assert all(start % 16 == 0 for start in layout.starts)
    assert torch.equal(layout.rows_of(placed), weight)
    indices = torch.tensor([[3, 0], [8, 3]])
    size = (ROWS, COLUMNS, encoding)
    x = torch.randn(2, COLUMNS)
    want = quantized_matmul_reference(x, weight, encoding)
    torch.testing.assert_close(planes_linear(x, placed, *size), want)
    rows = dequantize_rows(weight, QuantizationEncoding(encoding))[indices]
    assert torch.equal(planes_rows(placed, indices, *size, torch.float32), rows)


@pytest.mark.parametrize("encoding", PARTS)
def test_rows_are_decoded(encoding: str) -> None:
    _, weight, placed = make_planes(encoding)
    want = dequantize_rows(weight, QuantizationEncoding(encoding))
    size = (ROWS, COLUMNS, encoding)
    got = interpreted("planes_rows")(placed, torch.tensor([[7], [0]]), *size, torch.float32)
    # A product and a sum may be one rounding.
    torch.testing.assert_close(got, want[[7, 0], None], rtol=1e-6, atol=1e-6)
    assert interpreted("planes_rows")(
        placed, torch.empty(0, dtype=torch.int64), *size, torch.float16
    ).shape == (0, COLUMNS)


@pytest.mark.parametrize("encoding", PARTS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float16, 2e-3)])
def test_few_rows_are_multiplied(encoding: str, dtype: torch.dtype, tolerance: float) -> None:
    torch.manual_seed(0)
    _, _, placed = make_planes(encoding)
    x = torch.randn(2, COLUMNS).to(dtype) / 8
    arguments = (placed, ROWS, COLUMNS, encoding)
    want = planes_linear_reference(x.float(), *arguments)
    got = interpreted("planes_linear")(x, *arguments)
    assert got.dtype == dtype
    most = float(want.abs().max())
    torch.testing.assert_close(got.float(), want, rtol=0, atol=tolerance * most)


def test_more_rows_than_a_block_and_none() -> None:
    torch.manual_seed(0)
    _, _, placed = make_planes("q4_0", rows=33)
    arguments = (placed, 33, COLUMNS, "q4_0")
    x = torch.randn(18, COLUMNS)
    want = planes_linear_reference(x, *arguments)
    torch.testing.assert_close(
        interpreted("planes_linear")(x, *arguments), want, rtol=1e-4, atol=1e-4
    )
    assert interpreted("planes_linear")(x[:0], *arguments).shape == (0, 33)


def test_many_rows_are_multiplied_by_torch() -> None:
    torch.manual_seed(0)
    _, _, placed = make_planes("q6_k", rows=3)
    arguments = (placed, 3, COLUMNS, "q6_k")
    x = torch.randn(130, COLUMNS)
    want = planes_linear_reference(x, *arguments)
    # Both operands are rounded to bfloat16.
    got = interpreted("planes_linear")(x, *arguments)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, want, rtol=0, atol=2**-7 * float(want.abs().max()))


def test_a_graph_of_a_gpu_reads_planes() -> None:
    device = DeviceRef.GPU(0)
    weight = Weight("w", DType.float32, [ROWS, COLUMNS], device, QuantizationEncoding.Q4_K)
    assert Planes.of(weight) == Planes(ROWS, COLUMNS, "q4_k")
    with Graph("g", input_types=[TensorType(DType.float32, ["rows", COLUMNS], device)]) as graph:
        graph.output(quantized_matmul(graph.inputs[0].tensor, weight))
    layouts = use_layouts(graph.fx, graph.weights)
    assert layouts == {"w": Planes(ROWS, COLUMNS, "q4_k")}
    assert any(node.target is planes_linear for node in graph.fx.nodes)
