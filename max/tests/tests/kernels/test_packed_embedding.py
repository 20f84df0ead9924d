"""max::packed_embedding: rows of a packed table are the table's rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from max.kernels import packed_embedding
from max.kernels.packed_embedding.cpu import make_packed_embedding_record
from max.kernels.packed_embedding.reference import packed_embedding_reference
from max.kernels.packed_linear import pack
from tests.kernels.cpu_kernels import cpu_kernels

KERNELS = cpu_kernels(make_packed_embedding_record, packed_embedding_reference)
IMPLEMENTATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "op": packed_embedding,
    "reference": packed_embedding_reference,
    **KERNELS,
}


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_gives_the_rows_of_the_table(implementation: str, dtype: torch.dtype) -> None:
    for rows, columns in ((130, 33), (1, 1), (64, 8)):
        table = torch.randn(rows, columns).to(dtype)
        for shape in ((), (0,), (50,), (2, 3)):
            indices = torch.randint(-rows, rows, shape)
            got = IMPLEMENTATIONS[implementation](pack(table), indices, rows, columns)
            assert torch.equal(got, table[indices])


@pytest.mark.parametrize("implementation", ["op", "reference"])
@pytest.mark.parametrize("index", [5, -6])
def test_indices_beyond_the_table_are_refused(implementation: str, index: int) -> None:
    with pytest.raises(IndexError):
        IMPLEMENTATIONS[implementation](
            pack(torch.ones(5, 4)), torch.tensor([0, index]), rows=5, columns=4
        )


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_indices_beyond_the_table_give_nan_in_a_program(kernel: str, dtype: torch.dtype) -> None:
    got = KERNELS[kernel](pack(torch.ones(5, 4, dtype=dtype)), torch.tensor([5, 4, -6]), 5, 4)
    assert got.isnan().all(-1).tolist() == [True, False, True]


def test_schema_and_shape_function() -> None:
    arguments = (pack(torch.randn(70, 8)), torch.tensor([[3, 69]]), 70, 8)
    torch.library.opcheck(packed_embedding, arguments, test_utils="test_faketensor")
