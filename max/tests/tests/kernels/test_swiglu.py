"""max::swiglu against a double precision oracle."""

import pytest
import torch

from max.kernels import swiglu


@pytest.mark.parametrize("shape", [(1, 64), (5, 33), (0, 8)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_agrees_with_double_precision(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    gate, up = torch.randn(shape).to(dtype), torch.randn(shape).to(dtype)
    wide = gate.double()
    want = wide / (1 + torch.exp(-wide)) * up.double()
    tolerance = 2**-6 if dtype == torch.bfloat16 else 1e-6
    torch.testing.assert_close(swiglu(gate, up).double(), want, rtol=tolerance, atol=tolerance)


def test_schema_and_shape_function() -> None:
    args = (torch.randn(3, 8), torch.randn(3, 8))
    torch.library.opcheck(swiglu, args, test_utils="test_faketensor")
