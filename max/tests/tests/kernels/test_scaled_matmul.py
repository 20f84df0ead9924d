"""max::scaled_matmul: factors of all, of rows, of blocks."""

from __future__ import annotations

import pytest
import torch

from max.kernels import scaled_matmul
from max.kernels.scaled_matmul.reference import sizes_of_blocks


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_agrees_with_double_precision(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(2, 3, 300).to(dtype), torch.randn(5000, 300).to(torch.float8_e4m3fn)
    scale = torch.rand(40, 3).bfloat16()
    blocks = scale.double().repeat_interleave(128, 0)[:5000].repeat_interleave(128, 1)[:, :300]
    expected = x.double() @ (weight.double() * blocks).T
    got = scaled_matmul(x, weight, scale)
    assert got.dtype is dtype
    rtol = 2**-8 if dtype is torch.bfloat16 else 1e-5
    torch.testing.assert_close(got.double(), expected, rtol=rtol, atol=1e-4)


@pytest.mark.parametrize(
    ("weight", "scale", "sizes"),
    [
        ((300, 96), (), (300, 96)),
        ((300, 96), (1,), (300, 96)),
        ((300, 96), (300,), (1, 96)),
        ((300, 96), (300, 1), (1, 96)),
        ((300, 96), (3, 1), (128, 96)),
        ((7168, 2048), (56, 16), (128, 128)),
        ((300, 96), (300, 3), (1, 32)),
    ],
)
def test_sizes_of_blocks(
    weight: tuple[int, ...], scale: tuple[int, ...], sizes: tuple[int, int]
) -> None:
    assert sizes_of_blocks(weight, scale) == sizes


def test_factors_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"factors of \[7, 1\] do not fit a weight of \[300, 96\]"):
        sizes_of_blocks((300, 96), (7, 1))


def test_schema_and_shape_function() -> None:
    weight = torch.randn(20, 8).to(torch.float8_e4m3fn)
    arguments = (torch.randn(3, 8), weight, torch.rand(20, 1))
    torch.library.opcheck(scaled_matmul, arguments, test_utils="test_faketensor")
