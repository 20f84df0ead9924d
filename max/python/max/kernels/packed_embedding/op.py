"""Schema of `max::packed_embedding`."""

from __future__ import annotations

import torch

from max.kernels.packed_embedding.cpu import make_packed_embedding_record
from max.kernels.packed_embedding.indices import check_indices
from max.kernels.packed_embedding.reference import packed_embedding_reference
from max.kernels.packed_linear.packing import packed_shape
from max.kernels.registry import define_op, implement_on_cpu


def _fake(packed: torch.Tensor, indices: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    expected = packed_shape(rows, columns, packed.dtype)
    torch._check(
        tuple(packed.shape) == expected,
        lambda: f"a packed table of [{rows}, {columns}] is {expected}, not {list(packed.shape)}",
    )
    return packed.new_empty([*indices.shape, columns])


packed_embedding = define_op(
    "packed_embedding(Tensor packed, Tensor indices, int rows, int columns) -> Tensor",
    reference=packed_embedding_reference,
    fake=_fake,
)

implement_on_cpu(
    packed_embedding, make_packed_embedding_record, packed_embedding_reference, check_indices
)
