"""max::layer_norm against a double precision oracle."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F

from max.kernels import layer_norm
from max.kernels.layer_norm.cpu import make_layer_norm_record
from max.kernels.layer_norm.reference import layer_norm_reference
from tests.kernels.cpu_kernels import cpu_kernels

KERNELS = cpu_kernels(make_layer_norm_record, layer_norm_reference)
IMPLEMENTATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "op": layer_norm,
    "reference": layer_norm_reference,
    **KERNELS,
}


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("shape", [(1, 64), (7, 33), (0, 16), (2, 3, 5), (3, 2048)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("parameters", [0, 1, 2])
def test_agrees_with_double_precision(
    implementation: str, shape: tuple[int, ...], dtype: torch.dtype, parameters: int
) -> None:
    torch.manual_seed(0)
    x = (3 + torch.randn(shape)).to(dtype)
    weight, bias = (torch.randn(shape[-1]).to(dtype) if i < parameters else None for i in range(2))
    wide_weight, wide_bias = (each if each is None else each.double() for each in (weight, bias))
    want = F.layer_norm(x.double(), shape[-1:], wide_weight, wide_bias, 1e-5)
    got = IMPLEMENTATIONS[implementation](x, weight, bias, 1e-5)
    assert got.dtype == dtype
    # One rounding to the dtype, or float32 sums.
    tolerance = {torch.float32: 2e-5, torch.bfloat16: 2**-7, torch.float16: 2**-10}[dtype]
    torch.testing.assert_close(got.double(), want, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("implementation", KERNELS)
def test_large_means_cost_no_digits(implementation: str) -> None:
    x = 1e4 + torch.arange(100.0)[None]
    got = KERNELS[implementation](x, None, None, 0.0)
    # The numbers from -49.5 to 49.5 have a variance of (100^2 - 1) / 12.
    torch.testing.assert_close(got, (torch.arange(100.0)[None] - 49.5) / (9999 / 12) ** 0.5)


def test_a_row_does_not_depend_on_the_batch_or_on_strides() -> None:
    torch.manual_seed(0)
    x, weight, bias = torch.randn(9, 2, 40), torch.randn(40), torch.randn(40)
    whole = layer_norm(x, weight, bias, 1e-6)
    assert torch.equal(layer_norm(x[3:4], weight, bias, 1e-6), whole[3:4])
    turned = layer_norm(x.transpose(0, 1), weight, bias, 1e-6)
    assert torch.equal(turned, whole.transpose(0, 1))


def test_schema_and_shape_function() -> None:
    arguments = (torch.randn(3, 8), torch.randn(8), None, 1e-6)
    torch.library.opcheck(layer_norm, arguments, test_utils="test_faketensor")
    with pytest.raises(RuntimeError, match=r"has 8 elements, bias is \[7\]"):
        x = torch.empty(3, 8, device="meta")
        layer_norm(x, None, torch.empty(7, device="meta"), 1e-6)
