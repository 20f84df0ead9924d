"""max::rms_norm against a double precision oracle."""

import pytest
import torch

from max.kernels import rms_norm


def oracle(x: torch.Tensor, weight: torch.Tensor, eps: float, offset: float) -> torch.Tensor:
    wide = x.double()
    root = (wide.square().mean(-1, keepdim=True) + eps).sqrt()
    return wide / root * (weight.double() + offset)


@pytest.mark.parametrize("shape", [(1, 64), (7, 33), (0, 16), (2, 3, 5)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("multiply_before_cast", [False, True])
def test_agrees_with_double_precision(
    shape: tuple[int, ...], dtype: torch.dtype, multiply_before_cast: bool
) -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(shape).to(dtype), torch.randn(shape[-1]).to(dtype)
    got = rms_norm(x, weight, 1e-5, 1.0, multiply_before_cast)
    assert got.dtype == dtype
    # Two roundings to bfloat16 (8 bits), or float32 sums.
    tolerance = 2**-6 if dtype == torch.bfloat16 else 1e-5
    torch.testing.assert_close(
        got.double(), oracle(x, weight, 1e-5, 1.0), rtol=tolerance, atol=tolerance
    )


def test_schema_and_shape_function() -> None:
    x, weight = torch.randn(3, 8), torch.randn(8)
    torch.library.opcheck(rms_norm, (x, weight, 1e-6, 0.0, True), test_utils="test_faketensor")
