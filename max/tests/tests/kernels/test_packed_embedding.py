"""max::packed_embedding: rows of a table in panels are the numbers that its rows stand for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from max.graph.quantization import QuantizationEncoding, dequantize_rows
from max.kernels import packed_embedding
from max.kernels.layouts.panels import BLOCK_UNITS
from max.kernels.packed_embedding.cpu import make_packed_embedding_record
from max.kernels.packed_embedding.reference import packed_embedding_reference
from tests.kernels.cpu_kernels import cpu_kernels
from tests.kernels.panels import blocks_in_panels, in_panels
from tests.kernels.quantized_weights import make_quantized_weight

KERNELS = cpu_kernels(make_packed_embedding_record, packed_embedding_reference)
IMPLEMENTATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "op": packed_embedding,
    "reference": packed_embedding_reference,
    **KERNELS,
}
DTYPES = (torch.float32, torch.bfloat16)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gives_the_rows_of_the_table(
    implementation: str, stored: torch.dtype, dtype: torch.dtype
) -> None:
    if (stored, dtype) == (torch.float32, torch.bfloat16):
        return  # no model has it: plain elements are of the type that it computes with
    for rows, columns in ((130, 33), (1, 1), (64, 8)):
        table = torch.randn(rows, columns).to(stored)
        packed, layout = in_panels(table)
        for shape in ((), (0,), (50,), (2, 3)):
            indices = torch.randint(-rows, rows, shape)
            got = IMPLEMENTATIONS[implementation](
                packed, indices, rows, columns, layout.encoding, dtype
            )
            assert torch.equal(got, table[indices].to(dtype))


@pytest.mark.parametrize("implementation", ["op", *KERNELS])
@pytest.mark.parametrize("encoding", BLOCK_UNITS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_gives_the_numbers_of_blocks(
    implementation: str, encoding: str, dtype: torch.dtype
) -> None:
    weight = make_quantized_weight(70, 512, encoding)
    table = dequantize_rows(weight, QuantizationEncoding(encoding)).to(dtype)
    packed = blocks_in_panels(weight, encoding)
    torch.manual_seed(0)
    for shape in ((), (0,), (30,), (2, 3)):
        indices = torch.randint(-70, 70, shape)
        got = IMPLEMENTATIONS[implementation](packed, indices, 70, 512, encoding, dtype)
        assert torch.equal(got, table[indices])


@pytest.mark.parametrize("index", [5, -6])
def test_indices_beyond_the_table_are_refused(index: int) -> None:
    table, _ = in_panels(torch.ones(5, 4))
    for implementation in ("op", "reference"):
        with pytest.raises(IndexError):
            IMPLEMENTATIONS[implementation](
                table, torch.tensor([0, index]), 5, 4, "float32", torch.float32
            )
    blocks = blocks_in_panels(make_quantized_weight(5, 32, "q8_0"), "q8_0")
    with pytest.raises(IndexError, match=r"an embedding of 5 rows: allowed are -5 to 4"):
        packed_embedding(blocks, torch.tensor([0, index]), 5, 32, "q8_0", torch.float32)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("encoding", ["float16", "bfloat16", "q8_0"])
def test_indices_beyond_the_table_give_nan_in_a_program(
    kernel: str, dtype: torch.dtype, encoding: str
) -> None:
    if encoding == "q8_0":
        table = blocks_in_panels(make_quantized_weight(5, 32, "q8_0"), "q8_0")
    else:
        table, _ = in_panels(torch.ones(5, 32).to(getattr(torch, encoding)))
    got = KERNELS[kernel](table, torch.tensor([5, 4, -6]), 5, 32, encoding, dtype)
    assert got.isnan().all(-1).tolist() == [True, False, True]


def test_schema_and_shape_function() -> None:
    packed = blocks_in_panels(make_quantized_weight(70, 32, "q4_0"), "q4_0")
    arguments = (packed, torch.tensor([[3, 69]]), 70, 32, "q4_0", torch.float32)
    torch.library.opcheck(packed_embedding, arguments, test_utils="test_faketensor")
