"""Every variant of every Triton kernel compiles for the devices that it is for, and fits them."""

# build: size = "large"

from __future__ import annotations

from collections.abc import Sequence

import pytest

from max.kernels.gpu.tuning import DEVICE_KINDS, SHARED_BYTES
from tests.kernels.gpu.cases import CASES, FIRST_CASES
from tests.kernels.gpu.compiler import Case, compile_all


def assert_fits(cases: Sequence[Case], kind: str) -> None:
    problems = []
    for case, found in compile_all(cases, kind):
        if found.spilled:
            problems.append(f"{case}: {found.spilled} bytes or registers are spilled")
        if found.shared > SHARED_BYTES[kind]:
            problems.append(f"{case}: {found.shared} bytes of shared memory")
        if found.uses_tensor_cores != case.multiplies:
            problems.append(f"{case}: uses tensor cores: {found.uses_tensor_cores}")
        if case.is_wide and not found.has_vector_loads:
            problems.append(f"{case}: reads nothing in 16 bytes at a time")
        print(kind, case, found)
    assert not problems, "\n".join(problems)


@pytest.mark.timeout(300)
def test_the_first_variant_of_each_kernel_fits_hopper() -> None:
    assert_fits(FIRST_CASES, "sm_90")


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", DEVICE_KINDS)
def test_all_variants_fit(kind: str) -> None:
    assert_fits([case for case in CASES if case.kinds is None or kind in case.kinds], kind)
