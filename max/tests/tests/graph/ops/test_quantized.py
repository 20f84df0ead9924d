from __future__ import annotations

from functools import partial

import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.graph import Graph, TensorType, ops
from max.graph.quantization import QuantizationConfig, QuantizationEncoding, dequantize_rows
from tests.graph.packed_rows import make_packed
from tests.graph.run_op import make_tensor, run_op


@pytest.mark.parametrize("encoding", [QuantizationEncoding.Q4_0, QuantizationEncoding.Q6_K])
def test_dequantize(encoding: QuantizationEncoding) -> None:
    packed = make_packed(encoding, 5, 256)
    (got,) = run_op(partial(ops.dequantize, encoding), packed, static_axes=[-1])
    torch.testing.assert_close(got, dequantize_rows(packed, encoding), rtol=0, atol=0)
    assert got.dtype == torch.float32


@pytest.mark.parametrize("dtype", [DType.float32, DType.bfloat16])
@pytest.mark.parametrize("encoding", [QuantizationEncoding.Q4_K, QuantizationEncoding.Q8_0])
def test_qmatmul(encoding: QuantizationEncoding, dtype: DType) -> None:
    x = make_tensor((3, 256), dtype, low=-2, high=2)
    weight = make_packed(encoding, 7, 256)
    (got,) = run_op(partial(ops.qmatmul, encoding, None), x, weight, static_axes=[-1])
    expected = (x.float() @ dequantize_rows(weight, encoding).T).to(dtype.to_torch())
    torch.testing.assert_close(got, expected, rtol=0, atol=0)


def test_rows_that_do_not_fit_are_refused() -> None:
    x, weight = torch.zeros(2, 32), make_packed(QuantizationEncoding.Q4_0, 3, 64)
    with pytest.raises(ValueError, match="rows of the weight have 64 elements"):
        ops.qmatmul(QuantizationEncoding.Q4_0, None, x, weight)
    with pytest.raises(ValueError, match="not Q4_K: its blocks have 144 bytes"):
        ops.dequantize(QuantizationEncoding.Q4_K, weight)
    with pytest.raises(ValueError, match="Q4_0 takes one weight, got 2"):
        ops.qmatmul(QuantizationEncoding.Q4_0, None, x, weight, weight)


def test_gptq_is_refused() -> None:
    x = torch.zeros(1)
    with pytest.raises(NotImplementedError, match="GPTQ"):
        ops.qmatmul(QuantizationEncoding.GPTQ, None, x, x)
    with pytest.raises(NotImplementedError, match="GPTQ"):
        ops.qmatmul(QuantizationEncoding.Q4_0, QuantizationConfig("gptq", 4, 128), x, x)


def test_the_size_of_a_row_must_be_known() -> None:
    with (
        Graph("g", input_types=[TensorType(DType.uint8, [3, "bytes"], CPU())]) as graph,
        pytest.raises(ValueError, match="'bytes', must be a known number"),
    ):
        ops.dequantize(QuantizationEncoding.Q4_0, graph.inputs[0].tensor)
