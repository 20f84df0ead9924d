"""Schema of `max::packed_quantized_embedding`.

The numbers that the rows stand for, as `max.graph.quantization.dequantize_rows` gives them of the
file's blocks, rounded to the wanted type. Weights are packed only where there is a C++ kernel.
"""

from __future__ import annotations

import torch

from max.kernels.packed_embedding.indices import check_indices
from max.kernels.packed_quantized_embedding.cpu import make_packed_quantized_embedding_record
from max.kernels.packed_quantized_linear.packing import packed_bytes
from max.kernels.registry import define_op, implement_on_cpu


def _not_taken(packed: torch.Tensor, *_: object) -> torch.Tensor:
    raise NotImplementedError(f"packed quantized weights are for a CPU, not {packed.device}")


def _fake(
    packed: torch.Tensor,
    indices: torch.Tensor,
    rows: int,
    columns: int,
    encoding: str,
    dtype: torch.dtype,
) -> torch.Tensor:
    expected = packed_bytes(rows, columns, encoding)
    torch._check(
        packed.numel() == expected,
        lambda: f"a packed table of [{rows}, {columns}] has {expected} bytes, not {packed.numel()}",
    )
    return packed.new_empty([*indices.shape, columns], dtype=dtype)


packed_quantized_embedding = define_op(
    "packed_quantized_embedding(Tensor packed, Tensor indices, int rows, int columns, str encoding,"
    " ScalarType dtype) -> Tensor",
    reference=_not_taken,
    fake=_fake,
)

implement_on_cpu(
    packed_quantized_embedding,
    make_packed_quantized_embedding_record,
    _not_taken,
    check_indices,
)
