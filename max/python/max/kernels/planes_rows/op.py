"""Schema of `max::planes_rows`."""

from __future__ import annotations

from typing import Any

import torch

from max.kernels.facts import NativeCall
from max.kernels.layouts.planes import Planes
from max.kernels.planes_rows.reference import planes_rows_reference
from max.kernels.registry import define_op, implement_on_gpu


def _fake(
    planes: torch.Tensor,
    indices: torch.Tensor,
    rows: int,
    columns: int,
    encoding: str,
    dtype: torch.dtype,
) -> torch.Tensor:
    expected = Planes(rows, columns, encoding).nbytes
    torch._check(
        planes.numel() == expected,
        lambda: (
            f"a {encoding} table of [{rows}, {columns}] in planes has {expected} bytes, "
            f"not {planes.numel()}"
        ),
    )
    return planes.new_empty([*indices.shape, columns], dtype=dtype)


planes_rows = define_op(
    "planes_rows(Tensor planes, Tensor indices, int rows, int columns, str encoding,"
    " ScalarType dtype) -> Tensor",
    reference=planes_rows_reference,
    fake=_fake,
)
implement_on_gpu(planes_rows, planes_rows_reference)


def rows_of_planes(
    layout: Planes, table: Any, indices: Any, encoding: str, dtype: torch.dtype
) -> NativeCall:
    """The call that reads rows of a table in planes."""
    return NativeCall(planes_rows, (table, indices, layout.rows, layout.columns, encoding, dtype))
