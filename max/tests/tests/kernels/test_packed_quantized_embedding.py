"""max::packed_quantized_embedding: the numbers that the blocks stand for, to the last bit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from max.graph.quantization import QuantizationEncoding, dequantize_rows
from max.kernels import packed_quantized_embedding
from max.kernels.packed_quantized_embedding.cpu import make_packed_quantized_embedding_record
from max.kernels.packed_quantized_linear import pack_quantized
from max.kernels.packed_quantized_linear.structs import ENCODINGS
from tests.kernels.cpu_kernels import cpu_kernels
from tests.kernels.quantized_weights import make_quantized_weight

KERNELS = cpu_kernels(make_packed_quantized_embedding_record, packed_quantized_embedding)
IMPLEMENTATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "op": packed_quantized_embedding,
    **KERNELS,
}


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gives_the_numbers_of_the_rows(
    implementation: str, encoding: str, dtype: torch.dtype
) -> None:
    weight = make_quantized_weight(70, 512, encoding)
    table = dequantize_rows(weight, QuantizationEncoding(encoding)).to(dtype)
    packed = pack_quantized(weight, encoding)
    torch.manual_seed(0)
    for shape in ((), (0,), (30,), (2, 3)):
        indices = torch.randint(-70, 70, shape)
        got = IMPLEMENTATIONS[implementation](packed, indices, 70, 512, encoding, dtype)
        assert torch.equal(got, table[indices])


@pytest.mark.parametrize("index", [5, -6])
def test_indices_beyond_the_table_are_refused(index: int) -> None:
    packed = pack_quantized(make_quantized_weight(5, 32, "q8_0"), "q8_0")
    with pytest.raises(IndexError, match=r"an embedding of 5 rows: allowed are -5 to 4"):
        packed_quantized_embedding(packed, torch.tensor([0, index]), 5, 32, "q8_0", torch.float32)


@pytest.mark.parametrize("kernel", KERNELS)
def test_indices_beyond_the_table_give_nan_in_a_program(kernel: str) -> None:
    packed = pack_quantized(make_quantized_weight(5, 32, "q8_0"), "q8_0")
    got = KERNELS[kernel](packed, torch.tensor([5, 4, -6]), 5, 32, "q8_0", torch.float32)
    assert got.isnan().all(-1).tolist() == [True, False, True]


def test_schema_and_shape_function() -> None:
    packed = pack_quantized(make_quantized_weight(70, 32, "q4_0"), "q4_0")
    arguments = (packed, torch.tensor([[3, 69]]), 70, 32, "q4_0", torch.float32)
    torch.library.opcheck(packed_quantized_embedding, arguments, test_utils="test_faketensor")
