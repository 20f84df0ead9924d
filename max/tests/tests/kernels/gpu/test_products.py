"""Products with float8 weights, and of heads, in the interpreter, against their references."""

# build: size = "medium"

from __future__ import annotations

import pytest
import torch

from max.kernels.gpu.float8 import float8_numbers
from max.kernels.gpu.language import Pointer, gpu_kernel, tl
from max.kernels.head_linear.reference import head_linear_reference
from max.kernels.scaled_matmul.reference import scaled_matmul_reference
from tests.kernels.gpu.interpreter import interpreted

TOLERANCE = {torch.float32: 1e-5, torch.float16: 2e-3}


@gpu_kernel
def all_bytes_kernel(given: Pointer, out: Pointer, IS_NATIVE: tl.constexpr) -> None:
    i = tl.arange(0, 256)
    tl.store(out + i, float8_numbers(tl.load(given + i), IS_NATIVE).to(tl.float32))


@pytest.mark.parametrize("is_native", [False, True])
def test_numbers_of_8_bits(is_native: bool) -> None:
    given, out = torch.arange(256, dtype=torch.uint8), torch.empty(256)
    all_bytes_kernel[(1,)](given, out, IS_NATIVE=is_native)
    want = given.view(torch.float8_e4m3fn).float()
    known = ~want.isnan()  # Two of them are NaN, which weights do not have.
    assert known.sum() == 254 and torch.equal(out[known], want[known])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("rows", [0, 2, 33])
@pytest.mark.parametrize(
    "scale", [(), (1,), (70,), (70, 1), (5, 3), (70, 3)], ids=lambda shape: str(list(shape))
)
def test_scaled_matmul(dtype: torch.dtype, rows: int, scale: tuple[int, ...]) -> None:
    """Blocks of 16 rows and of 64 columns, of which the last ones are not whole."""
    if rows == 33 and (dtype == torch.float16 or scale not in ((70,), (5, 3))):
        pytest.skip("one large tile of each kind is enough")
    torch.manual_seed(0)
    x = torch.randn(rows, 140).to(dtype) / 8
    weight = torch.randn(70, 140).to(torch.float8_e4m3fn)
    factors = torch.rand(scale) + 0.5
    want = scaled_matmul_reference(x.float(), weight, factors)
    got = interpreted("scaled_matmul")(x, weight, factors)
    assert got.dtype == dtype
    atol = TOLERANCE[dtype] * float(want.abs().max()) if rows else 0.0
    torch.testing.assert_close(got.float(), want, rtol=0, atol=atol)


def test_blocks_that_a_tile_cannot_share_are_left_to_the_reference() -> None:
    weight = torch.zeros(4, 64).to(torch.float8_e4m3fn)
    assert interpreted("scaled_matmul")(torch.ones(1, 64), weight, torch.ones(4, 8)) is None
    assert interpreted("scaled_matmul")(torch.ones(1, 64), weight.half(), torch.ones(4)) is None


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("rows", [0, 1, 5])
def test_heads(dtype: torch.dtype, rows: int) -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(rows, 3 * 21).to(dtype), torch.randn(3, 10, 16).to(dtype)
    arguments = (x, weight, 3, 16, 10, "unused", False)
    want = head_linear_reference(*arguments)
    torch.testing.assert_close(
        interpreted("head_linear")(*arguments), want, rtol=TOLERANCE[dtype], atol=1e-2
    )
    assert interpreted("head_linear")(x, weight.double(), *arguments[2:]) is None
