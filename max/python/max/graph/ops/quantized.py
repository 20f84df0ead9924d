"""Quantized weights: their numbers, and products with them."""

from __future__ import annotations

from typing import Any

import torch

from max.graph.call import call
from max.graph.dim import Dim, StaticDim
from max.graph.ops.arguments import as_tensor, fail, require_float, shape_of
from max.graph.quantization import QuantizationConfig, QuantizationEncoding, dequantize_rows
from max.graph.tensor_value import TensorValue, TensorValueLike


def dequantize(encoding: QuantizationEncoding, quantized: TensorValueLike) -> TensorValue:
    """The numbers that encoded rows stand for.

    Args:
        encoding: of the rows.
        quantized: uint8, shape [..., bytes of a row].

    Returns:
        float32 [..., elements of a row].

    Raises:
        ValueError: if a row is no whole number of blocks, or its size is not known.
    """
    quantized = as_tensor("dequantize", quantized)
    elements = _row_elements("dequantize", encoding, quantized)
    shape = [*shape_of(quantized)[:-1], Dim(elements)]
    return call(
        "dequantize",
        _decode,
        quantized,
        encoding.value,
        result_shape=shape,
        result_dtype=torch.float32,
    )


def qmatmul(
    encoding: QuantizationEncoding,
    config: QuantizationConfig | None,
    lhs: TensorValueLike,
    *rhs: TensorValueLike,
) -> TensorValue:
    """The product with a transposed quantized weight, `lhs @ decoded(rhs).T`.

    Layers use `max.nn.kernels.quantized_matmul`, which is the same and runs in C++.

    Args:
        encoding: of the weight's rows.
        config: parameters of GPTQ weights; None for all others.
        lhs: floating point, shape [..., in].
        rhs: one tensor: uint8, shape [out, bytes of a row].

    Returns:
        Shape [..., out], of lhs's dtype.

    Raises:
        NotImplementedError: for GPTQ.
        ValueError: if the shapes do not fit.
    """
    if encoding is QuantizationEncoding.GPTQ or config is not None:
        raise NotImplementedError("qmatmul: GPTQ is not supported in this release")
    x, *weights = (as_tensor("qmatmul", operand) for operand in (lhs, *rhs))
    if len(weights) != 1:
        fail("qmatmul", f"{encoding.name} takes one weight, got {len(weights)}", x, *weights)
    require_float("qmatmul", x)
    elements = _row_elements("qmatmul", encoding, weights[0])
    *rows, inner = shape_of(x)
    if inner != elements:
        fail("qmatmul", f"rows of the weight have {elements} elements", x, weights[0])
    return call(
        "qmatmul",
        _matmul,
        x,
        weights[0],
        encoding.value,
        result_shape=[*rows, shape_of(weights[0])[0]],
    )


def _row_elements(op: str, encoding: QuantizationEncoding, quantized: Any) -> int:
    last = shape_of(quantized)[-1]
    if not isinstance(last, StaticDim):
        fail(op, f"the bytes of a row, '{last}', must be a known number", quantized)
    return encoding.row_elements(int(last))


def _decode(quantized: torch.Tensor, encoding: str) -> torch.Tensor:
    return dequantize_rows(quantized, QuantizationEncoding(encoding))


def _matmul(x: torch.Tensor, weight: torch.Tensor, encoding: str) -> torch.Tensor:
    decoded = dequantize_rows(weight, QuantizationEncoding(encoding))
    return (x.float() @ decoded.T).to(x.dtype)
