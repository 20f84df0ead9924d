"""max::last_rows: the row before each request's end."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from max.kernels import last_rows
from max.kernels.last_rows.cpu import make_last_rows_record
from max.kernels.last_rows.reference import last_rows_reference
from tests.kernels.cpu_kernels import cpu_kernels

KERNELS = cpu_kernels(make_last_rows_record, last_rows_reference)
IMPLEMENTATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "op": last_rows,
    "reference": last_rows_reference,
    **KERNELS,
}


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("offsets", [[0, 1], [0, 3, 4, 9], [0]])
def test_gives_the_row_before_each_end(
    implementation: str, dtype: torch.dtype, offsets: list[int]
) -> None:
    x = torch.randn(9, 5).to(dtype)
    row_offsets = torch.tensor(offsets, dtype=torch.uint32)
    got = IMPLEMENTATIONS[implementation](x, row_offsets)
    assert torch.equal(got, x[[end - 1 for end in offsets[1:]]])


@pytest.mark.parametrize("kernel", KERNELS)
def test_rows_that_are_not_there_are_nan(kernel: str) -> None:
    offsets = torch.tensor([0, 0, 2, 3], dtype=torch.uint32)
    got = KERNELS[kernel](torch.ones(2, 3), offsets)
    assert got.isnan().all(-1).tolist() == [True, False, True]


def test_schema_and_shape_function() -> None:
    arguments = (torch.randn(4, 3), torch.tensor([0, 1, 4], dtype=torch.uint32))
    torch.library.opcheck(last_rows, arguments, test_utils="test_faketensor")
