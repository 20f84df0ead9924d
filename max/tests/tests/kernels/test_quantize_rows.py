"""Quantizers: what they lose, and that they are the `gguf` package's where it has them."""

from __future__ import annotations

import gguf
import numpy as np
import pytest
import torch

from max.graph.quantization import QuantizationEncoding, dequantize_rows
from max.kernels.isa import available_isas
from max.kernels.quantize_rows import quantize_rows
from max.kernels.quantize_rows.cpu import make_search
from max.kernels.quantize_rows.reference import Search

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


SEARCHES = {str(isa): search for isa in available_isas() if (search := make_search(isa))}


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


def test_the_table_of_encodings_says_which_can_be_made() -> None:
    assert {e.name for e in QuantizationEncoding if e.is_made} == set(ERRORS)


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


def make_groups(elements: int) -> torch.Tensor:
    """Groups of all kinds: more than fill the lanes, some of one sign, one value, or zeros."""
    groups = make_weights(37 * elements, 8, seed=1).reshape(-1, elements)
    groups[3], groups[4], groups[5, 1:] = 0.0, 0.25, 0.0
    groups[6].abs_()
    groups[7].abs_().neg_()
    return groups


def assert_as_good(errors: torch.Tensor, expected: torch.Tensor) -> None:
    """Rounding may choose the other one of two candidates that are equally good."""
    assert (errors <= 1.1 * expected + 1e-12).all()
    assert float(errors.sum()) == pytest.approx(float(expected.sum()), rel=1e-3)


@pytest.mark.parametrize("levels", [15, 31])
@pytest.mark.parametrize("isa", SEARCHES)
def test_scales_and_mins_fit_as_well_as_the_reference_s(isa: str, levels: int) -> None:
    x = make_groups(32)

    def errors(search: Search) -> torch.Tensor:
        scale, low = (found[:, None] for found in search.scale_and_min(x, levels, -1.0, 20))
        numbers = ((x + low) / scale).nan_to_num_().round().clamp(0, levels)
        weights = x.square().mean(-1, keepdim=True).sqrt() + x.abs()
        return (weights * (numbers * scale - low - x).square()).sum(-1)

    assert_as_good(errors(SEARCHES[isa]), errors(Search()))


@pytest.mark.parametrize("isa", SEARCHES)
def test_scales_fit_as_well_as_the_reference_s(isa: str) -> None:
    x = make_groups(16)

    def errors(search: Search) -> torch.Tensor:
        scale = search.scale(x, 32)[:, None]
        numbers = (x / scale).nan_to_num_().round().clamp(-32, 31)
        return (x.square() * (numbers * scale - x).square()).sum(-1)

    assert_as_good(errors(SEARCHES[isa]), errors(Search()))


def test_all_instruction_sets_find_the_same() -> None:
    x = make_groups(32)
    found = [
        torch.stack((*search.scale_and_min(x, 15, -1.0, 20), search.scale(x, 32)))
        for search in SEARCHES.values()
    ]
    assert len(found) > 1
    assert all(torch.equal(each, found[0]) for each in found)
