"""max::lora_linear and max::lora_embedding against a double precision oracle."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch

from max.kernels import lora_embedding, lora_linear
from max.kernels.lora_embedding.cpu import make_lora_embedding_record
from max.kernels.lora_embedding.reference import lora_embedding_reference
from max.kernels.lora_linear.cpu import make_lora_linear_record
from max.kernels.lora_linear.reference import lora_linear_reference
from tests.kernels.cpu_kernels import cpu_kernels

Op = Callable[..., torch.Tensor]

KERNELS: dict[str, Op] = cpu_kernels(make_lora_linear_record, lora_linear_reference)
IMPLEMENTATIONS: dict[str, Op] = {
    "op": lora_linear,
    "reference": lora_linear_reference,
    **KERNELS,
}
EMBEDDINGS: dict[str, Op] = {
    "op": lora_embedding,
    "reference": lora_embedding_reference,
    **cpu_kernels(make_lora_embedding_record, lora_embedding_reference),
}
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 2**-7}


class Tables(NamedTuple):
    """The adapters of some slots, as the op takes them."""

    a: torch.Tensor
    b: torch.Tensor
    scales: torch.Tensor
    ranks: torch.Tensor
    affine: torch.Tensor
    is_affine: torch.Tensor


def make_tables(inputs: int, outputs: int, ranks: list[int], dtype: torch.dtype) -> Tables:
    """Every second slot has factors and shifts too."""
    width = max(16, -(-max(ranks) // 16) * 16)
    slots, panels = len(ranks), -(-outputs // 16)
    a, b = torch.zeros(slots, inputs, width), torch.zeros(slots, panels, width, 16)
    for slot, rank in enumerate(ranks):
        a[slot, :, :rank] = torch.randn(inputs, rank) / inputs**0.5
        b[slot, :, :rank] = torch.randn(panels, rank, 16)
    return Tables(
        a.to(dtype),
        b.to(dtype),
        torch.rand(slots) + 0.5,
        torch.tensor(ranks, dtype=torch.int32),
        torch.rand(slots, 2, outputs) + 0.5,
        torch.arange(slots, dtype=torch.int32) % 2,
    )


def expected(y: torch.Tensor, x: torch.Tensor, slots: torch.Tensor, tables: Tables) -> torch.Tensor:
    rows = []
    for old, row, slot in zip(y.double(), x.double(), slots.flatten().tolist(), strict=True):
        new = old
        if slot:
            a, b, scale, rank, affine, is_affine = (each[slot - 1] for each in tables)
            own = int(rank)
            wide = b[:, :own].transpose(0, 1).flatten(1)[:, : len(old)].double()
            new = new + scale.double() * (row @ a[:, :own].double()) @ wide
            if is_affine:
                new = affine[0].double() * new + affine[1].double()
        rows.append(new)
    return torch.stack(rows) if rows else y.double()


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    ("rows", "inputs", "outputs", "ranks"),
    [
        (1, 8, 8, [1]),
        (5, 33, 70, [3, 16, 0]),
        (40, 64, 257, [17, 0, 0, 33, 8]),
        (0, 4, 4, [2]),
    ],
)
def test_agrees_with_double_precision(
    implementation: str,
    dtype: torch.dtype,
    rows: int,
    inputs: int,
    outputs: int,
    ranks: list[int],
) -> None:
    torch.manual_seed(0)
    tables = make_tables(inputs, outputs, ranks, dtype)
    y, x = torch.randn(rows, outputs).to(dtype), torch.randn(rows, inputs).to(dtype)
    slots = torch.randint(0, len(ranks) + 1, (rows, 1), dtype=torch.int32)
    want = expected(y, x, slots, tables)
    given = y.clone()
    got = IMPLEMENTATIONS[implementation](given, x, slots, *tables)
    assert got.data_ptr() == given.data_ptr() and got.dtype == dtype
    torch.testing.assert_close(got.double(), want, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    leaves = [
        not slot or not (tables.ranks[slot - 1] or tables.is_affine[slot - 1])
        for slot in slots.flatten().tolist()
    ]
    assert torch.equal(got[leaves], y[leaves]), "rows without an adapter keep their bits"


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_adapters_may_be_bfloat16_beside_float32(implementation: str) -> None:
    torch.manual_seed(0)
    tables = make_tables(33, 70, [3, 16, 0], torch.bfloat16)
    y, x = torch.randn(9, 70), torch.randn(9, 33)
    slots = torch.randint(0, 4, (9, 1), dtype=torch.int32)
    got = IMPLEMENTATIONS[implementation](y.clone(), x, slots, *tables)
    want = expected(y, x, slots, tables)
    torch.testing.assert_close(got.double(), want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("implementation", KERNELS)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_a_row_s_bits_do_not_depend_on_the_others(implementation: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    tables = make_tables(100, 90, [8, 20], dtype)
    y, x = torch.randn(21, 90).to(dtype), torch.randn(21, 100).to(dtype)
    slots = torch.randint(0, 3, (21, 1), dtype=torch.int32)
    run = KERNELS[implementation]
    together = run(y.clone(), x, slots, *tables)
    alone = [run(y[[i]], x[[i]], slots[[i]], *tables) for i in range(21)]
    assert torch.equal(together, torch.cat(alone))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_rows_without_an_adapter_read_nothing_of_one(implementation: str) -> None:
    tables = make_tables(8, 8, [4], torch.float32)
    for table in tables[:2]:
        table.fill_(torch.nan)
    y = torch.full((2, 8), -0.0)
    got = IMPLEMENTATIONS[implementation](
        y, torch.ones(2, 8), torch.zeros(2, 1, dtype=torch.int32), *tables
    )
    assert got.signbit().all() and not got.isnan().any()


@pytest.mark.parametrize("implementation", EMBEDDINGS)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_embeddings_agree_with_double_precision(implementation: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    tables = make_tables(30, 41, [5, 0, 18], dtype)
    y, ids = torch.randn(20, 41).to(dtype), torch.randint(0, 30, (20,))
    ids[3] = 30  # beyond the table
    slots = torch.randint(0, 4, (20, 1), dtype=torch.int32)
    x = torch.nn.functional.one_hot(ids, 31)[:, :30]
    want = expected(y, x, slots, tables._replace(is_affine=torch.zeros(3)))
    got = EMBEDDINGS[implementation](y, ids, slots, *tables[:4])
    torch.testing.assert_close(got.double(), want, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("implementation", EMBEDDINGS)
def test_embeddings_may_be_bfloat16_beside_float32(implementation: str) -> None:
    torch.manual_seed(0)
    tables = make_tables(30, 41, [5, 18], torch.bfloat16)
    y, ids = torch.randn(9, 41), torch.randint(0, 30, (9,))
    slots = torch.randint(0, 3, (9, 1), dtype=torch.int32)
    want = expected(
        y, torch.nn.functional.one_hot(ids, 30), slots, tables._replace(is_affine=torch.zeros(2))
    )
    got = EMBEDDINGS[implementation](y, ids, slots, *tables[:4])
    torch.testing.assert_close(got.double(), want, rtol=1e-5, atol=1e-5)


def test_operands_that_do_not_fit_are_told() -> None:
    tables = make_tables(8, 8, [4], torch.float32)
    slots = torch.zeros(2, 1, dtype=torch.int32)
    with torch._subclasses.FakeTensorMode() as mode:
        y, x, slots, *fakes = [
            mode.from_tensor(each) for each in (torch.ones(2, 8), torch.ones(2, 9), slots, *tables)
        ]
        with pytest.raises(RuntimeError, match="from 9 to 8 elements"):
            lora_linear(y, x, slots, *fakes)
