"""max::gather_rows gives the rows of torch."""

from collections.abc import Callable

import pytest
import torch

from max.kernels import gather_rows
from max.kernels.gather_rows.cpu import make_gather_rows_record
from max.kernels.gather_rows.reference import gather_rows_reference
from tests.kernels.cpu_kernels import cpu_kernels

KERNELS = cpu_kernels(make_gather_rows_record, gather_rows_reference)
IMPLEMENTATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "op": gather_rows,
    "reference": gather_rows_reference,
    **KERNELS,
}


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("shape", [(5,), (7, 33), (4, 2, 3), (3, 0)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int32])
def test_rows(implementation: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    table = torch.arange(torch.Size(shape).numel()).view(shape).to(dtype)
    for indices in ([2], [0, -1, 1, 0], [[1, 2], [-3, 0]], []):
        chosen = torch.tensor(indices, dtype=torch.int64)
        got = IMPLEMENTATIONS[implementation](table, chosen)
        torch.testing.assert_close(got, table[chosen], rtol=0, atol=0)


@pytest.mark.parametrize("implementation", KERNELS)
def test_rows_beyond_the_table_are_nan(implementation: str) -> None:
    got = KERNELS[implementation](torch.ones(3, 2), torch.tensor([3, 1, -4]))
    torch.testing.assert_close(got.isnan().any(-1), torch.tensor([True, False, True]))


def test_an_index_beyond_the_table_is_refused() -> None:
    with pytest.raises(IndexError, match="-1 to 3 into a table of 3 rows: allowed are -3 to 2"):
        gather_rows(torch.ones(3, 2), torch.tensor([-1, 3]))


def test_schema_and_shape_function() -> None:
    arguments = (torch.randn(3, 8), torch.tensor([1, 2]))
    torch.library.opcheck(gather_rows, arguments, test_utils="test_faketensor")
