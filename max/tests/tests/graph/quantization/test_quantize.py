"""Quantizers: what they lose, and that they are the `gguf` package's where it has them."""

from __future__ import annotations

import gguf
import numpy as np
import pytest
import torch

from max.graph.quantization import QuantizationEncoding, dequantize_rows, quantize_rows

SIMPLE = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"]
# Root mean square error of normally distributed weights, as a share of their own, measured here.
ERRORS = {
    "Q4_0": 0.0858,
    "Q4_1": 0.0784,
    "Q5_0": 0.0425,
    "Q5_1": 0.0379,
    "Q8_0": 0.0053,
    "Q4_K": 0.0719,
    "Q5_K": 0.0362,
    "Q6_K": 0.0176,
}


def make_weights(rows: int = 8, elements: int = 512, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, elements, generator=torch.Generator().manual_seed(seed)) * 0.02


def relative_error(x: torch.Tensor, encoding: QuantizationEncoding) -> float:
    decoded = dequantize_rows(quantize_rows(x, encoding), encoding)
    return float((decoded - x).square().mean().sqrt() / x.square().mean().sqrt())


@pytest.mark.parametrize("name", SIMPLE)
def test_simple_encodings_are_the_gguf_package_s_to_the_bit(name: str) -> None:
    x = make_weights()
    x[0, :32] = 0
    x[1] *= 1000
    expected = gguf.quants.quantize(x.numpy(), gguf.GGMLQuantizationType[name])
    np.testing.assert_array_equal(quantize_rows(x, QuantizationEncoding[name]).numpy(), expected)


@pytest.mark.parametrize(("name", "measured"), ERRORS.items())
def test_errors(name: str, measured: float) -> None:
    error = relative_error(make_weights(64), QuantizationEncoding[name])
    assert error == pytest.approx(measured, rel=0.02)


@pytest.mark.parametrize("name", ERRORS)
def test_what_was_decoded_is_encoded_with_next_to_no_loss(name: str) -> None:
    """Scales may come out otherwise in float16, but not the values."""
    encoding = QuantizationEncoding[name]
    once = dequantize_rows(quantize_rows(make_weights(), encoding), encoding)
    assert relative_error(once, encoding) < 0.3 * ERRORS[name]


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("value", [0.0, 1.0, -3.0, 1e-30, 1e4])
def test_rows_of_one_value(name: str, value: float) -> None:
    encoding = QuantizationEncoding[name]
    decoded = dequantize_rows(quantize_rows(torch.full((1, 256), value), encoding), encoding)
    torch.testing.assert_close(decoded, torch.full((1, 256), value), rtol=2e-3, atol=1e-7)


@pytest.mark.parametrize("name", ["Q4_K", "Q5_K", "Q6_K"])
def test_outliers_cost_only_their_own_group(name: str) -> None:
    x = make_weights(4, 256)
    x[:, 3] = 1.0
    encoding = QuantizationEncoding[name]
    decoded = dequantize_rows(quantize_rows(x, encoding), encoding)
    torch.testing.assert_close(decoded[:, 3], x[:, 3], rtol=0.03, atol=0)


@pytest.mark.parametrize("name", ["Q4_K", "Q6_K"])
def test_rows_are_encoded_alone(name: str) -> None:
    """So that rows of packed data can be moved about, and chunks do not show."""
    x = make_weights(300, 512)
    encoding = QuantizationEncoding[name]
    packed = quantize_rows(x, encoding)
    assert torch.equal(packed[257], quantize_rows(x[257], encoding))


def test_bfloat16_rows_and_leading_axes() -> None:
    x = make_weights(6, 64).to(torch.bfloat16).reshape(2, 3, 64)
    packed = quantize_rows(x, QuantizationEncoding.Q8_0)
    assert packed.shape == (2, 3, 68)
    assert torch.equal(packed[1, 2], quantize_rows(x[1, 2].float(), QuantizationEncoding.Q8_0))


def test_what_cannot_be_encoded_is_refused() -> None:
    with pytest.raises(ValueError, match="a row of 100 elements cannot be Q4_K"):
        quantize_rows(torch.zeros(2, 100), QuantizationEncoding.Q4_K)
    with pytest.raises(ValueError, match="cannot be encoded as GPTQ; known: Q4_0"):
        quantize_rows(torch.zeros(2, 32), QuantizationEncoding.GPTQ)
