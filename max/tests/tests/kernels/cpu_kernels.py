"""Every C++ kernel of an op, by instruction set."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from max.kernels.isa import Isa, available_isas
from max.kernels.recording import Record, run_at_once
from tests.kernels.emulated import EMULATED_ISAS, emulated

# Set by test_emulated.py, which runs tests of kernels once more.
EMULATE = "MAX_TEST_EMULATED"


def cpu_kernels(
    make_record: Callable[[Isa], Record | None], reference: Callable[..., Any]
) -> dict[str, Callable[..., Any]]:
    """An op as a function, for each instruction set that this machine, or its emulator, runs."""
    if os.environ.get(EMULATE):
        record = make_record(Isa.GENERIC)
        assert record is not None, "there is a compiler"
        return {f"aarch64 {isa}": emulated(record, isa, reference) for isa in EMULATED_ISAS}
    records = {isa: make_record(isa) for isa in available_isas()}
    return {str(isa): run_at_once(record, reference) for isa, record in records.items() if record}
