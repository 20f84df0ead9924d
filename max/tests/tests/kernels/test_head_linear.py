"""max::head_linear against a double precision oracle."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from max.dtype import DType
from max.graph import DeviceRef, Weight
from max.kernels import head_linear
from max.kernels.head_linear.cpu import make_head_linear_record
from max.kernels.head_linear.reference import head_linear_reference
from max.kernels.layouts import ExpertPanels
from tests.kernels.cpu_kernels import cpu_kernels

KERNELS: dict[str, Callable[..., torch.Tensor]] = {
    "op": head_linear,
    **cpu_kernels(make_head_linear_record, head_linear_reference),
}
REFERENCE: Callable[..., torch.Tensor] = head_linear_reference
HEADS, WIDTH = 3, 21


@pytest.mark.parametrize("implementation", ["reference", *KERNELS])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [0, 1, 40])
@pytest.mark.parametrize(("columns", "out"), [(16, 70), (21, 5)])
def test_agrees_with_double_precision(
    implementation: str, dtype: torch.dtype, rows: int, columns: int, out: int
) -> None:
    torch.manual_seed(0)
    x = torch.randn(rows, HEADS * WIDTH).to(dtype)
    stored = torch.randn(HEADS, out, columns).to(dtype)
    weight = Weight("w", DType.from_torch(dtype), [HEADS, out, columns], DeviceRef.CPU())
    is_packed = implementation != "reference"
    read = stored
    if is_packed:
        layout = ExpertPanels.of(weight)
        assert layout is not None
        read = torch.empty(layout.nbytes, dtype=torch.uint8)
        layout.place(stored, read)
    function = {"reference": REFERENCE, **KERNELS}[implementation]
    got = function(x, read, HEADS, columns, out, weight.dtype.value, is_packed)
    parts = x.double().view(rows, HEADS, WIDTH)[..., :columns]
    want = torch.einsum("rhi,hoi->rho", parts, stored.double()).flatten(1)
    assert got.dtype == dtype
    tolerance = 1e-5 if dtype == torch.float32 else 3e-2
    torch.testing.assert_close(got.double(), want, rtol=tolerance, atol=tolerance)
