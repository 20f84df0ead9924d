"""The passes that lay out the weights of linear layers, and join those of one input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession
from max.graph import BufferType, Graph, TensorType, Weight, ops
from max.graph.quantization import QuantizationEncoding, dequantize_rows
from max.kernels.packed_linear.rounded_products import rounded_product
from max.nn.kernels import quantized_embedding, quantized_matmul
from tests.kernels.quantized_weights import make_quantized_weight

X = TensorType(DType.float32, ["n", 8], CPU())
TOKENS = TensorType(DType.int64, ["n"], CPU())


def make_weight(name: str, *shape: int, dtype: DType = DType.float32) -> Weight:
    torch.manual_seed(len(name))
    weight = Weight(name, dtype, shape, CPU())
    weight.bind(torch.randn(shape).to(dtype.to_torch()))
    return weight


def run(
    forward: Callable[..., Any], *inputs: torch.Tensor, types: Any = (X,)
) -> tuple[list[torch.Tensor], str, frozenset[str]]:
    """Results, generated code, and names of the weights in a layout."""
    session = InferenceSession()
    compiled = session.compile(Graph("g", forward, types))
    results = [buffer.tensor for buffer in session.init(compiled)(*inputs)]
    return results, compiled.code, frozenset(compiled.layouts)


@pytest.mark.parametrize("dtype", [DType.float32, DType.bfloat16])
@pytest.mark.parametrize("has_bias", [False, True])
def test_a_linear_layer_computes_the_same(dtype: DType, has_bias: bool) -> None:
    weight = make_weight("weight", 70, 8, dtype=dtype)
    bias = make_weight("bias", 70, dtype=dtype) if has_bias else None
    x = torch.randn(3, 8).to(dtype.to_torch())
    (y,), code, packed = run(
        lambda x: ops.linear(x, weight, bias), x, types=[TensorType(dtype, ["n", 8], CPU())]
    )
    assert packed == {"weight"}
    assert "packed_linear" in code and "functional.linear" not in code
    expected = F.linear(x, weight.bound_tensor(), None if bias is None else bias.bound_tensor())
    torch.testing.assert_close(y, expected)


def test_layers_of_one_input_are_one_node() -> None:
    weights = [make_weight(f"{'w' * i}", 5 * i, 8) for i in (1, 2, 3)]
    bias = make_weight("bias", 10)
    x = torch.randn(4, 8)

    def forward(x: Any) -> Any:
        first = ops.linear(x, weights[0])
        return first, ops.linear(x, weights[1], bias), ops.linear(ops.relu(x), weights[2])

    results, code, _ = run(forward, x)
    assert code.count("max.packed_linear") == 2
    expected = [F.linear(x, weights[0].bound_tensor())]
    expected.append(F.linear(x, weights[1].bound_tensor(), bias.bound_tensor()))
    expected.append(F.linear(x.relu(), weights[2].bound_tensor()))
    for result, wanted in zip(results, expected, strict=True):
        torch.testing.assert_close(result, wanted)


def test_a_computed_bias_is_there_when_it_is_needed() -> None:
    first, second, bias = (
        make_weight(n, *s) for n, s in (("a", (5, 8)), ("bb", (5, 8)), ("c", (5,)))
    )
    x = torch.randn(2, 8)

    def forward(x: Any) -> Any:
        return ops.linear(x, first), ops.linear(x, second, bias * 2)

    (y, z), code, _ = run(forward, x)
    assert code.count("max.packed_linear") == 2
    torch.testing.assert_close(y, F.linear(x, first.bound_tensor()))
    torch.testing.assert_close(z, F.linear(x, second.bound_tensor(), bias.bound_tensor() * 2))


def test_layers_before_and_after_a_store_stay_apart() -> None:
    first, second = make_weight("a", 5, 8), make_weight("bb", 5, 8)
    x = torch.ones(2, 8)

    def forward(buffer: Any) -> Any:
        before = ops.linear(buffer, first)
        ops.buffer_store(buffer, ops.buffer_load(buffer) * 2)
        return before, ops.linear(buffer, second)

    (y, z), _, _ = run(forward, x, types=[BufferType(DType.float32, [2, 8], CPU())])
    torch.testing.assert_close(y, F.linear(torch.ones(2, 8), first.bound_tensor()))
    torch.testing.assert_close(z, F.linear(torch.full((2, 8), 2.0), second.bound_tensor()))


def test_a_tied_embedding_reads_the_packed_table() -> None:
    table = make_weight("table", 70, 8)

    def forward(tokens: Any) -> Any:
        return ops.linear(ops.gather(table, tokens, axis=0), table)

    tokens = torch.tensor([0, 69, -1, 3])
    (logits,), code, packed = run(forward, tokens, types=[TOKENS])
    assert packed == {"table"} and "packed_embedding" in code
    elements = table.bound_tensor()
    torch.testing.assert_close(logits, F.linear(elements[tokens], elements))


@pytest.mark.parametrize(
    "forward",
    [
        lambda x, w: (ops.linear(x, w), w),
        lambda x, w: ops.linear(x, w) + ops.matmul(x, w.T),
        lambda x, w: ops.linear(x, w) + ops.linear(w, w)[0],
        lambda x, w: ops.linear(
            ops.gather(w, ops.constant([0], DType.int64, CPU()), axis=1), w[:, :1]
        ),
    ],
)
def test_a_weight_with_other_uses_stays_as_it_is(forward: Callable[..., Any]) -> None:
    weight = make_weight("weight", 8, 8)
    _, code, packed = run(lambda x: forward(x, weight._self()), torch.randn(2, 8))
    assert not packed and "packed" not in code


def test_layers_in_branches_stay_as_they_are() -> None:
    weight = make_weight("weight", 8, 8)

    def forward(x: Any) -> Any:
        yes = ops.constant(True, DType.bool, CPU())
        return ops.cond(yes, [X], lambda: ops.linear(x, weight), lambda: x)

    x = torch.randn(2, 8)
    (y,), _, packed = run(forward, x)
    assert not packed
    torch.testing.assert_close(y, F.linear(x, weight.bound_tensor()))


def make_encoded(name: str, rows: int, encoding: QuantizationEncoding) -> Weight:
    """A quantized weight of rows of 256 elements."""
    weight = Weight(name, DType.float32, [rows, 256], CPU(), encoding)
    weight.bind(make_quantized_weight(rows, 256, encoding.value))
    return weight


WIDE = TensorType(DType.float32, ["n", 256], CPU())
Q4_K, Q6_K, Q8_0 = (QuantizationEncoding[name] for name in ("Q4_K", "Q6_K", "Q8_0"))


def test_quantized_layers_of_one_input_are_one_node_for_each_way_of_rounding_it() -> None:
    encodings = {"a": Q4_K, "bb": Q6_K, "ccc": Q8_0, "dddd": Q8_0}
    weights = [make_encoded(n, 30 + i, e) for i, (n, e) in enumerate(encodings.items())]
    x = torch.randn(3, 256)

    def forward(x: Any) -> Any:
        return tuple(quantized_matmul(x, weight) for weight in weights)

    results, code, packed = run(forward, x, types=[WIDE])
    assert packed == set(encodings)
    assert code.count("max.packed_linear") == 2 and "quantized_matmul" not in code
    for result, weight in zip(results, weights, strict=True):
        assert weight.quantization_encoding is not None
        expected = rounded_product(x, weight.bound_tensor(), weight.quantization_encoding.value)
        torch.testing.assert_close(result.double(), expected, rtol=1e-5, atol=1e-3)


def test_a_tied_quantized_embedding_reads_the_packed_table() -> None:
    table = make_encoded("table", 70, Q4_K)

    def forward(tokens: Any) -> Any:
        rows = quantized_embedding(table, tokens)
        return rows, quantized_matmul(rows, table)

    tokens = torch.tensor([0, 69, 3])
    (rows, logits), code, packed = run(forward, tokens, types=[TOKENS])
    assert packed == {"table"} and "packed_embedding" in code
    assert torch.equal(rows, dequantize_rows(table.bound_tensor(), Q4_K)[tokens])
    expected = rounded_product(rows, table.bound_tensor(), "q4_k")
    torch.testing.assert_close(logits.double(), expected, rtol=1e-5, atol=1e-3)


def test_a_quantized_embedding_alone_has_the_kernel_too() -> None:
    table = make_encoded("table", 70, Q4_K)
    (rows,), code, packed = run(
        lambda tokens: quantized_embedding(table, tokens), torch.tensor([5]), types=[TOKENS]
    )
    assert packed == {"table"} and "max.packed_embedding" in code
    assert torch.equal(rows, dequantize_rows(table.bound_tensor(), Q4_K)[[5]])


@pytest.mark.parametrize("encoding", [QuantizationEncoding.F16, QuantizationEncoding.BF16])
def test_weights_of_16_bits_stay_so(encoding: QuantizationEncoding) -> None:
    table = Weight("table", DType.float32, [70, 256], CPU(), encoding)
    halves = torch.randn(70, 256).to(getattr(torch, encoding.value))
    table.bind(halves.view(torch.uint8))

    def forward(tokens: Any) -> Any:
        rows = quantized_embedding(table, tokens)
        return rows, quantized_matmul(rows, table)

    tokens = torch.tensor([0, 69, 3])
    (rows, logits), code, packed = run(forward, tokens, types=[TOKENS])
    assert packed == {"table"} and "max.packed_linear" in code and "max.packed_embedding" in code
    assert torch.equal(rows, halves[tokens].float())
    torch.testing.assert_close(logits, rows @ halves.float().T)


def test_what_the_kernels_do_not_take_stays_as_it_is() -> None:
    encoded = make_encoded("encoded", 8, Q4_K)
    encoded.dtype = DType.float64
    plain = Weight("plain", DType.float64, [8, 256], CPU())
    plain.bind(torch.randn(8, 256).double())
    x = torch.randn(2, 256).double()
    (y, z), _, packed = run(
        lambda x: (ops.linear(x, plain), quantized_matmul(x, encoded)),
        x,
        types=[TensorType(DType.float64, ["n", 256], CPU())],
    )
    assert not packed
    torch.testing.assert_close(y, x @ plain.bound_tensor().T)
    decoded = dequantize_rows(encoded.bound_tensor(), Q4_K).double()
    torch.testing.assert_close(z, x @ decoded.T, rtol=1e-5, atol=1e-4)
