"""max::rms_norm against a double precision oracle."""

from collections.abc import Callable

import pytest
import torch

from max.kernels import rms_norm
from max.kernels.native import load_kernel
from max.kernels.rms_norm.cpu import make_rms_norm_record
from max.kernels.rms_norm.reference import rms_norm_reference
from tests.kernels.cpu_kernels import cpu_kernels


def oracle(x: torch.Tensor, weight: torch.Tensor, eps: float, offset: float) -> torch.Tensor:
    wide = x.double()
    root = (wide.square().mean(-1, keepdim=True) + eps).sqrt()
    return wide / root * (weight.double() + offset)


SHAPES = [(1, 64), (7, 33), (0, 16), (2, 3, 5), (3, 2048)]
# Every implementation that is present: the op runs the C++ one on the CPU.
IMPLEMENTATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "op": rms_norm,
    "reference": rms_norm_reference,
    **cpu_kernels(make_rms_norm_record, rms_norm_reference),
}


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("multiply_before_cast", [False, True])
def test_agrees_with_double_precision(
    implementation: str, shape: tuple[int, ...], dtype: torch.dtype, multiply_before_cast: bool
) -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(shape).to(dtype), torch.randn(shape[-1]).to(dtype)
    got = IMPLEMENTATIONS[implementation](x, weight, 1e-5, 1.0, multiply_before_cast)
    assert got.dtype == dtype
    # Two roundings to bfloat16 (8 bits), or float32 sums.
    tolerance = 2**-6 if dtype == torch.bfloat16 else 1e-5
    torch.testing.assert_close(
        got.double(), oracle(x, weight, 1e-5, 1.0), rtol=tolerance, atol=tolerance
    )


def test_schema_and_shape_function() -> None:
    x, weight = torch.randn(3, 8), torch.randn(8)
    torch.library.opcheck(rms_norm, (x, weight, 1e-6, 0.0, True), test_utils="test_faketensor")


def test_the_cpu_kernel_is_built_here() -> None:
    assert load_kernel("rms_norm") is not None


@pytest.mark.parametrize("multiply_before_cast", [False, True])
def test_bfloat16_rounds_as_the_reference_does(multiply_before_cast: bool) -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(64, 100).bfloat16(), torch.randn(100).bfloat16()
    arguments = (x, weight, 1e-5, 1.0, multiply_before_cast)
    same = rms_norm(*arguments) == rms_norm_reference(*arguments)
    # The sums differ in their last bits, which moves a result over a rounding border now and then.
    assert same.float().mean() > 0.99


def test_a_row_does_not_depend_on_the_batch_or_on_strides() -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(9, 2, 40), torch.randn(40)
    whole = rms_norm(x, weight, 1e-6, 0.0, False)
    assert torch.equal(rms_norm(x[3:4], weight, 1e-6, 0.0, False), whole[3:4])
    assert torch.equal(rms_norm(x.transpose(0, 1), weight, 1e-6, 0.0, False), whole.transpose(0, 1))


def test_special_values() -> None:
    x = torch.tensor([[float("nan"), 1.0], [float("inf"), 1.0], [0.0, 0.0]]).bfloat16()
    weight = torch.ones(2).bfloat16()
    torch.testing.assert_close(
        rms_norm(x, weight, 1e-6, 0.0, False),
        rms_norm_reference(x, weight, 1e-6, 0.0, False),
        equal_nan=True,
    )
