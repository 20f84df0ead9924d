"""max::elementwise against torch, and its functions against double precision."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from max.kernels import elementwise
from max.kernels.elementwise.cpu import make_elementwise_record
from max.kernels.elementwise.functions import CODES, FUNCTIONS
from max.kernels.elementwise.reference import elementwise_reference
from max.kernels.recording import torch_empty
from tests.kernels.cpu_kernels import cpu_kernels

IMPLEMENTATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "op": elementwise,
    **cpu_kernels(make_elementwise_record, elementwise_reference),
}
SHAPES = [(1, 64), (5, 33), (0, 8), (3, 20000), ()]
DTYPES = [torch.float32, torch.bfloat16, torch.float16]
NUMBERS: dict[str, list[float]] = {"clamp": [-0.5, 0.75], "soft_cap": [3.0]}
EXACT = ["add", "sub", "reverse_sub", "mul", "div", "maximum", "minimum"]
# Roundings of float32: torch's functions and ours are each off by some.
TOLERANCE = {torch.float32: 3e-6, torch.bfloat16: 2**-7, torch.float16: 2**-10}


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", EXACT)
def test_arithmetic_has_torchs_bits(
    implementation: str, shape: tuple[int, ...], dtype: torch.dtype, name: str
) -> None:
    torch.manual_seed(0)
    a, b = torch.randn(shape).to(dtype), torch.randn(shape).to(dtype)
    run = IMPLEMENTATIONS[implementation]
    want = FUNCTIONS[name].reference
    assert torch.equal(run(a, b, name), want(a, b))
    assert torch.equal(run(a, None, name, [0.3]), want(a, 0.3))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in EXACT])
def test_functions_of_one_tensor_agree_with_torch(
    implementation: str, dtype: torch.dtype, name: str
) -> None:
    torch.manual_seed(0)
    x = (4 * torch.randn(7, 201)).to(dtype)
    x = x.abs() if "sqrt" in name else x
    arguments = (x, None, name, NUMBERS.get(name, []))
    got, want = IMPLEMENTATIONS[implementation](*arguments), elementwise_reference(*arguments)
    assert got.dtype == dtype
    tolerance = 0.0 if name in ("cast", "negate", "abs", "clamp", "relu") else TOLERANCE[dtype]
    torch.testing.assert_close(got, want, rtol=tolerance, atol=tolerance / 4)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("source", DTYPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_casts_have_torchs_bits(
    implementation: str, source: torch.dtype, dtype: torch.dtype
) -> None:
    """All numbers of 16 bits, or so many of 32 bits, the smallest, the infinite and NaN too."""
    words = torch.arange(-(2**15), 2**15)
    if source.itemsize == 2:
        x = words.to(torch.int16).view(source)
    else:
        x = (words.to(torch.int32) * 65521 + 4096).view(source)
    got = IMPLEMENTATIONS[implementation](x, None, "cast", [], dtype)
    torch.testing.assert_close(got, x.to(dtype), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_operands_are_rows_a_row_a_column_or_a_number(implementation: str) -> None:
    torch.manual_seed(0)
    run = IMPLEMENTATIONS[implementation]
    x, row, column = torch.randn(6, 3, 40), torch.randn(40), torch.randn(6, 3, 1)
    number = torch.tensor(0.3)
    stacked = torch.randn(18, 80)
    for a, b in [
        (x, row),
        (row, x),
        (x, column),
        (x, number),
        (stacked[:, 40:], stacked[:, :40]),
        (x, stacked[:, :1].view(6, 3, 1)),
        (x, torch.randn(3, 1)),
        (x.transpose(0, 1), x.transpose(0, 1)),
    ]:
        assert torch.equal(run(a, b, "sub"), a - b)
    half = x.bfloat16()
    for b in (row, number):
        got = run(half, b, "mul")
        assert got.dtype == (half * b).dtype
        assert torch.equal(got, half * b)


def test_rows_of_a_stacked_projection_and_broadcast_rows_are_read_where_they_lie() -> None:
    record = make_elementwise_record()
    assert record is not None
    stacked, row = torch.randn(4, 2, 64), torch.randn(32)
    for a, b in [(stacked[..., :32], row), (stacked[..., 32:], stacked[:, :, :1])]:
        recording = record(torch_empty, a, b, "add")
        assert recording is not None
        recording.call.run()
        assert torch.equal(recording.result, a + b)
    assert record(torch_empty, stacked.int(), row, "add") is None


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("exp", -103, 88.7), ("tanh", -10, 10), ("erf", -5, 5), ("sigmoid", -87, 20)],
)
def test_functions_are_near_double_precision(
    implementation: str, name: str, low: float, high: float
) -> None:
    """To 3e-7 of the result, and of 1e-37 below it: the errors that `functions.h` tells."""
    x = torch.cat([torch.linspace(low, high, 200001), torch.logspace(-30, 0, 5000) * 0.5])
    got = IMPLEMENTATIONS[implementation](x, None, name)
    want = getattr(torch, name)(x.double())
    assert ((got.double() - want).abs() / want.abs().clamp_min(1e-37)).max() < 3e-7


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_special_values(implementation: str) -> None:
    nan, inf = float("nan"), float("inf")
    x = torch.tensor([nan, inf, -inf, 0.0, 1e30, -1e30])
    for name in ("exp", "tanh", "erf", "sigmoid", "relu", "clamp", "soft_cap", "abs"):
        arguments = (x, None, name, NUMBERS.get(name, []))
        got, want = IMPLEMENTATIONS[implementation](*arguments), elementwise_reference(*arguments)
        torch.testing.assert_close(got, want, equal_nan=True)
    for name in ("maximum", "minimum"):
        for a, b in [(x, x.flip(0)), (x.flip(0), x)]:
            got = IMPLEMENTATIONS[implementation](a, b, name)
            torch.testing.assert_close(got, FUNCTIONS[name].reference(a, b), equal_nan=True)


def test_what_a_function_does_not_take_is_refused() -> None:
    x = torch.ones(3)
    with pytest.raises(ValueError, match="no elementwise function 'ad'; known: add, "):
        elementwise(x, x, "ad")
    with pytest.raises(ValueError, match="'clamp' takes a tensor and 2 numbers; given: 1 tensors"):
        elementwise(x, None, "clamp", [1.0])
    with pytest.raises(ValueError, match="'add' takes a tensor and 1 numbers, or two tensors"):
        elementwise(x, None, "add")
    with pytest.raises(ValueError, match="given: 2 tensors and 0 numbers"):
        elementwise(x, x, "tanh")


def test_codes_are_those_of_the_kernel() -> None:
    """The last one is counted right only if all are."""
    assert CODES["soft_cap"] == len(FUNCTIONS) - 1 == 24


def test_schema_and_shape_function() -> None:
    x, row = torch.randn(3, 8), torch.randn(8)
    for arguments in [
        (x, row, "add"),
        (x, None, "mul", [2.0], torch.bfloat16),
        (x, None, "cast"),
    ]:
        torch.library.opcheck(elementwise, arguments, test_utils=["test_schema", "test_faketensor"])
