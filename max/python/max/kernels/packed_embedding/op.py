"""Schema of `max::packed_embedding`."""

from __future__ import annotations

from typing import Any

import torch

from max.kernels.facts import NativeCall
from max.kernels.layouts.panels import Panels
from max.kernels.packed_embedding.cpu import make_packed_embedding_record
from max.kernels.packed_embedding.indices import check_indices
from max.kernels.packed_embedding.reference import packed_embedding_reference
from max.kernels.registry import define_op, implement_on_cpu


def _fake(
    packed: torch.Tensor,
    indices: torch.Tensor,
    rows: int,
    columns: int,
    encoding: str,
    dtype: torch.dtype,
) -> torch.Tensor:
    expected = Panels(rows, columns, encoding).nbytes
    torch._check(
        packed.numel() == expected,
        lambda: (
            f"a {encoding} table of [{rows}, {columns}] in panels has {expected} bytes, "
            f"not {packed.numel()}"
        ),
    )
    return packed.new_empty([*indices.shape, columns], dtype=dtype)


packed_embedding = define_op(
    "packed_embedding(Tensor packed, Tensor indices, int rows, int columns, str encoding,"
    " ScalarType dtype) -> Tensor",
    reference=packed_embedding_reference,
    fake=_fake,
)

implement_on_cpu(
    packed_embedding, make_packed_embedding_record, packed_embedding_reference, check_indices
)


def rows_of_panels(layout: Panels, table: Any, indices: Any, dtype: torch.dtype) -> NativeCall:
    """The call for a table in panels."""
    size = (layout.rows, layout.columns, layout.encoding)
    return NativeCall(packed_embedding, (table, indices, *size, dtype))
