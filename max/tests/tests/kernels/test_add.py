"""max::add against torch."""

from collections.abc import Callable

import pytest
import torch

from max.kernels import add
from max.kernels.add.reference import add_reference
from max.kernels.elementwise import make_elementwise_record
from tests.kernels.cpu_kernels import cpu_kernels

IMPLEMENTATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "op": add,
    **cpu_kernels(lambda isa: make_elementwise_record("add", isa), add_reference),
}


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("shape", [(1, 64), (5, 33), (0, 8), (3, 20000)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_has_torchs_bits(implementation: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    a, b = torch.randn(shape).to(dtype), torch.randn(shape).to(dtype)
    assert torch.equal(IMPLEMENTATIONS[implementation](a, b), a + b)


def test_schema_and_shape_function() -> None:
    args = (torch.randn(3, 8), torch.randn(3, 8))
    torch.library.opcheck(add, args, test_utils="test_faketensor")
