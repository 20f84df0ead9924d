"""Every C++ kernel of an op, by instruction set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from max.kernels.isa import Isa, available_isas
from max.kernels.recording import Record, run_at_once


def cpu_kernels(
    make_record: Callable[[Isa], Record | None], reference: Callable[..., Any]
) -> dict[str, Callable[..., Any]]:
    """An op as a function, for each instruction set that this machine runs."""
    records = {isa: make_record(isa) for isa in available_isas()}
    return {str(isa): run_at_once(record, reference) for isa, record in records.items() if record}
