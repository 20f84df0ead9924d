"""Adapters in the interpreter, against their references."""

# build: size = "medium"

from __future__ import annotations

import pytest
import torch

from max.kernels.lora_embedding.reference import lora_embedding_reference
from max.kernels.lora_linear.reference import lora_linear_reference
from max.kernels.lora_linear.triton import BLOCK_K, MOST_PARTS, parts_of
from max.kernels.saved_embedding.reference import saved_embedding_reference
from max.kernels.saved_linear.reference import saved_linear_reference
from tests.kernels.gpu.interpreter import interpreted

# float16: products of rank 48 of numbers whose sums are near 30.
TOLERANCE = {torch.float32: 1e-4, torch.float16: 2e-2}


def make_tables(
    inputs: int, outputs: int, ranks: list[int], dtype: torch.dtype
) -> list[torch.Tensor]:
    """Of `max::lora_linear`; NaN where nothing is to be read."""
    width = max(16, -(-max(ranks) // 16) * 16)
    slots, panels = len(ranks), -(-outputs // 16)
    a = torch.full([slots, inputs, width], torch.nan)
    b = torch.full([slots, panels, width, 16], torch.nan)
    for slot, rank in enumerate(ranks):
        a[slot, :, :rank] = torch.randn(inputs, rank) / inputs**0.5
        b[slot, :, :rank] = torch.randn(panels, rank, 16)
    return [
        a.to(dtype),
        b.to(dtype),
        torch.rand(slots) + 0.5,
        torch.tensor(ranks, dtype=torch.int32),
        torch.rand(slots, 2, outputs) + 0.5,
        torch.arange(slots, dtype=torch.int32) % 2,
    ]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    ("rows", "inputs", "outputs", "ranks"),
    [
        (1, 16, 8, [1]),
        (5, 33, 70, [3, 16, 0]),
        (40, 600, 130, [17, 0, 0, 33]),
        (0, 4, 4, [2]),
    ],
)
def test_layers(dtype: torch.dtype, rows: int, inputs: int, outputs: int, ranks: list[int]) -> None:
    torch.manual_seed(0)
    tables = make_tables(inputs, outputs, ranks, dtype)
    y, x = torch.randn(rows, outputs).to(dtype), torch.randn(rows, inputs).to(dtype)
    slots = torch.randint(0, len(ranks) + 1, (rows, 1), dtype=torch.int32)
    want = lora_linear_reference(y.clone(), x, slots, *tables)
    given = y.clone()
    got = interpreted("lora_linear")(given, x, slots, *tables)
    assert got.data_ptr() == given.data_ptr() and not got.isnan().any()
    torch.testing.assert_close(got, want, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    leaves = [
        not slot or not (tables[3][slot - 1] or tables[5][slot - 1])
        for slot in slots.flatten().tolist()
    ]
    assert torch.equal(got[leaves], y[leaves]), "rows without an adapter keep their bits"


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_embeddings(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    tables = make_tables(30, 41, [5, 0, 18], dtype)[:4]
    y, ids = torch.randn(20, 41).to(dtype), torch.randint(0, 30, (20,))
    ids[3] = 30  # beyond the table
    slots = torch.randint(0, 4, (20, 1), dtype=torch.int32)
    want = lora_embedding_reference(y.clone(), ids, slots, *tables)
    got = interpreted("lora_embedding")(y, ids, slots, *tables)
    torch.testing.assert_close(got, want, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("rows", "inputs", "outputs"), [(1, 16, 8), (40, 100, 130), (0, 4, 4)])
def test_whole_weights(dtype: torch.dtype, rows: int, inputs: int, outputs: int) -> None:
    torch.manual_seed(0)
    weights = torch.randn(3, -(-outputs // 16), inputs, 16).to(dtype)
    y, x = torch.randn(rows, outputs).to(dtype), torch.randn(rows, inputs).to(dtype)
    slots = torch.randint(0, 4, (rows, 1), dtype=torch.int32)
    is_saved = torch.tensor([1, 0, 1], dtype=torch.int32)
    want = saved_linear_reference(y.clone(), x, slots, weights, is_saved)
    got = interpreted("saved_linear")(y.clone(), x, slots, weights, is_saved)
    torch.testing.assert_close(got, want, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    others = (slots % 2 == 0)[:, 0]
    assert torch.equal(got[others], y[others])


def test_whole_embeddings() -> None:
    torch.manual_seed(0)
    tables, is_saved = torch.randn(3, 30, 41), torch.tensor([1, 0, 1], dtype=torch.int32)
    y, ids = torch.randn(20, 41), torch.randint(0, 30, (20,))
    slots = torch.randint(0, 4, (20, 1), dtype=torch.int32)
    slots[3], ids[3] = 1, 30  # beyond the table
    want = saved_embedding_reference(y.clone(), ids, slots, tables, is_saved)
    assert torch.equal(interpreted("saved_embedding")(y, ids, slots, tables, is_saved), want)


@pytest.mark.parametrize("inputs", [1, 64, 600, 4096, 14336, 50000])
def test_parts_cover_the_inputs(inputs: int) -> None:
    parts, of_part = parts_of(inputs)
    assert (parts - 1) * of_part < inputs <= parts * of_part and of_part % BLOCK_K == 0
    assert parts <= MOST_PARTS
