"""The kernels that work row by row, in the interpreter, against their references."""

# build: size = "medium"

from __future__ import annotations

import importlib

import pytest
import torch

from max.kernels.add_layer_norm.reference import add_layer_norm_reference
from max.kernels.add_rms_norm.reference import add_rms_norm_reference
from max.kernels.elementwise.functions import FUNCTIONS
from max.kernels.elementwise.reference import elementwise_reference
from max.kernels.gated.reference import ACTIVATIONS, gated_reference
from max.kernels.gather_rows.reference import gather_rows_reference
from max.kernels.last_rows.reference import last_rows_reference
from max.kernels.layer_norm.reference import layer_norm_reference
from max.kernels.mask_logits.reference import mask_logits_reference
from max.kernels.rms_norm.reference import rms_norm_reference
from tests.kernels.gpu.interpreter import interpreted

DTYPES = [torch.float32, torch.float16]
SHAPES = [(1, 64), (3, 33), (0, 16), (2, 2, 5)]


def assert_alike(got: torch.Tensor, want: torch.Tensor) -> None:
    assert got.dtype == want.dtype
    # float32: exponentials and tangents are good to 2e-7 of 1; float16: one rounding more or less.
    tolerance = 2e-6 if want.dtype == torch.float32 else 2**-9
    torch.testing.assert_close(got, want, rtol=tolerance, atol=tolerance, equal_nan=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("multiply_before_cast", [False, True])
def test_rms_norm(dtype: torch.dtype, shape: tuple[int, ...], multiply_before_cast: bool) -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(shape).to(dtype), torch.randn(shape[-1]).to(dtype)
    arguments = (x, weight, 1e-5, 1.0, multiply_before_cast)
    assert_alike(interpreted("rms_norm")(*arguments), rms_norm_reference(*arguments))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("parts", ["", "weight", "weight bias"])
def test_layer_norm(dtype: torch.dtype, shape: tuple[int, ...], parts: str) -> None:
    torch.manual_seed(0)
    weight = torch.randn(shape[-1]).to(dtype) if "weight" in parts else None
    bias = torch.randn(shape[-1]).to(dtype) if "bias" in parts else None
    x = (torch.randn(shape) + 100).to(dtype)
    got = interpreted("layer_norm")(x, weight, bias, 1e-5)
    wide = [None if part is None else part.double() for part in (weight, bias)]
    want = layer_norm_reference(x.double(), wide[0], wide[1], 1e-5)
    # A mean of 100 costs float32 seven bits.
    tolerance = 1e-4 if dtype == torch.float32 else 2**-8
    torch.testing.assert_close(got.double(), want, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_norms_of_sums(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    x, y, weight = (torch.randn(s).to(dtype) for s in (shape, shape, shape[-1:]))
    for op, reference, rest in (
        ("add_rms_norm", add_rms_norm_reference, (weight, 1e-5, 1.0, False)),
        ("add_layer_norm", add_layer_norm_reference, (weight, weight, 1e-5)),
    ):
        total, normed = interpreted(op)(x, y, *rest)
        want_total, want = reference(x, y, *rest)
        assert torch.equal(total, want_total)
        torch.testing.assert_close(normed, want, rtol=2**-8, atol=2**-8)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gated_columns_of_one_tensor(dtype: torch.dtype, activation: str) -> None:
    torch.manual_seed(0)
    gate, up = torch.randn(3, 2, 33).to(dtype).unbind(1)
    want = gated_reference(gate, up, activation)
    assert_alike(interpreted("gated")(gate, up, activation), want)
    assert interpreted("gated")(gate[:0], up[:0], activation).shape == (0, 33)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_of_elements(dtype: torch.dtype, function: str) -> None:
    torch.manual_seed(0)
    x = (3 * torch.randn(2, 33)).to(dtype)
    x[0, :4] = torch.tensor([torch.nan, 0.0, 30.0, -30.0])
    facts = FUNCTIONS[function]
    others: list[torch.Tensor | None] = [None]
    if facts.operands == 2:
        others += [
            torch.randn(2, 33).to(dtype),
            torch.randn(33).to(dtype),
            torch.randn(2, 1).to(dtype),
        ]
    for other in others:
        count = facts.numbers + (facts.operands == 2 and other is None)
        arguments = (x, other, function, [0.3, 2.5][:count])
        assert_alike(interpreted("elementwise")(*arguments), elementwise_reference(*arguments))


def test_elements_of_other_dtypes_and_strides() -> None:
    torch.manual_seed(0)
    run = interpreted("elementwise")
    x, y = torch.randn(2, 3, 5).transpose(0, 2), torch.randn(5, 1, 2).half()
    assert_alike(run(x, y, "mul"), x * y)
    assert_alike(run(x, None, "cast", [], torch.float16), x.half())
    assert run(torch.arange(3), None, "negate") is None


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 2)])
def test_rows_of_a_table(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    table, indices = torch.randn(7, 33).to(dtype), torch.randint(-7, 7, shape)
    got = interpreted("gather_rows")(table, indices)
    assert torch.equal(got, gather_rows_reference(table, indices))


def test_a_row_beyond_the_table_is_nan() -> None:
    got = interpreted("gather_rows")(torch.ones(3, 5), torch.tensor([2, 3, -4]))
    assert got.isnan().all(1).tolist() == [False, True, True]


@pytest.mark.parametrize("counts", [[1], [2, 1, 3], []])
def test_last_rows(counts: list[int]) -> None:
    x = torch.randn(sum(counts), 2, 5)
    offsets = torch.tensor([0, *counts]).cumsum(0).to(torch.uint32)
    got = interpreted("last_rows")(x, offsets)
    assert torch.equal(got, last_rows_reference(x, offsets))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("size", "words"), [(90, 3), (100, 2), (40, 4)])
def test_mask_logits(
    dtype: torch.dtype, size: int, words: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last mask allows only what has no chance."""
    monkeypatch.setattr(importlib.import_module("max.kernels.mask_logits.triton"), "BLOCK", 64)
    torch.manual_seed(0)
    logits, rows = torch.randn(4, size).to(dtype), torch.tensor([0, 2, 3])
    bits = torch.randint(-(2**31), 2**31, (3, words), dtype=torch.int32)
    bits[2, 1:], logits[3, :32] = 0, -torch.inf
    arguments = (logits, rows, bits)
    got = interpreted("mask_logits")(*arguments)
    assert got.dtype == torch.float32
    assert torch.equal(got, mask_logits_reference(*arguments))
    assert torch.equal(interpreted("mask_logits")(logits, rows[:0], bits[:0]), logits.float())
