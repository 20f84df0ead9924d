"""max::swiglu against a double precision oracle."""

from collections.abc import Callable

import pytest
import torch

from max.kernels import swiglu
from max.kernels.elementwise import make_elementwise_record
from max.kernels.swiglu.reference import swiglu_reference
from tests.kernels.cpu_kernels import cpu_kernels

IMPLEMENTATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "op": swiglu,
    "reference": swiglu_reference,
    **cpu_kernels(lambda isa: make_elementwise_record("swiglu", isa), swiglu_reference),
}


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("shape", [(1, 64), (5, 33), (0, 8), (3, 20000)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_agrees_with_double_precision(
    implementation: str, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    gate, up = 10 * torch.randn(shape).to(dtype), torch.randn(shape).to(dtype)
    wide = gate.double()
    want = wide / (1 + torch.exp(-wide)) * up.double()
    got = IMPLEMENTATIONS[implementation](gate, up)
    assert got.dtype == dtype
    tolerance = 2**-6 if dtype == torch.bfloat16 else 1e-6
    torch.testing.assert_close(got.double(), want, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_gates_that_are_far_out_are_open_or_shut(implementation: str) -> None:
    gate = torch.tensor([-1e30, -200.0, 0.0, 200.0, 1e30, float("inf")])
    got = IMPLEMENTATIONS[implementation](gate, torch.ones(6))
    torch.testing.assert_close(got, torch.tensor([0.0, 0.0, 0.0, 200.0, 1e30, float("inf")]))


def test_schema_and_shape_function() -> None:
    args = (torch.randn(3, 8), torch.randn(3, 8))
    torch.library.opcheck(swiglu, args, test_utils="test_faketensor")
