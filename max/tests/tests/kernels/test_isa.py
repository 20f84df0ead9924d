"""Choosing the instruction set of the kernels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from max.kernels import isa
from max.kernels.isa import COMPILER_FLAGS, Isa, available_isas, chosen_isa

# build: data = ["//tools/build:defs.bzl"]

AVX2 = "fpu sse2 avx2 fma f16c bmi1 bmi2 movbe abm"
AVX512 = f"{AVX2} avx512f avx512bw avx512cd avx512dq avx512vl"


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    available_isas.cache_clear()
    chosen_isa.cache_clear()


def use_cpu(features: str, monkeypatch: pytest.MonkeyPatch, machine: str = "x86_64") -> None:
    available_isas.cache_clear()
    chosen_isa.cache_clear()
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr(isa, "_cpu_features", lambda: frozenset(features.split()))


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ("", Isa.GENERIC),
        ("fpu sse2 avx2", Isa.GENERIC),
        (AVX2, Isa.AVX2),
        (f"{AVX2} avx512f", Isa.AVX2),
        (AVX512, Isa.AVX512),
        (f"{AVX512} avx512_vnni", Isa.AVX512_VNNI),
        (f"{AVX512} avx512_vnni avx512_bf16", Isa.AVX512_BF16),
    ],
)
def test_the_best_that_the_machine_runs(
    features: str, expected: Isa, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAX_CPU_ISA", raising=False)
    use_cpu(features, monkeypatch)
    assert chosen_isa() is expected


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ("fp asimd evtstrm aes crc32", Isa.GENERIC),  # Cortex-A72
        (
            "fp asimd evtstrm aes atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp",
            Isa.NEON_DOTPROD,
        ),
    ],
)
def test_the_best_that_a_machine_of_arm_runs(
    features: str, expected: Isa, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAX_CPU_ISA", raising=False)
    use_cpu(features, monkeypatch, machine="aarch64")
    assert chosen_isa() is expected


def test_the_environment_may_choose_a_plainer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    use_cpu(AVX512, monkeypatch)
    monkeypatch.setenv("MAX_CPU_ISA", "avx2")
    assert chosen_isa() is Isa.AVX2
    chosen_isa.cache_clear()
    monkeypatch.setenv("MAX_CPU_ISA", "avx512_bf16")
    with pytest.raises(ValueError, match="this machine runs generic, avx2, avx512: unset it"):
        chosen_isa()


def test_bazel_and_the_small_build_say_the_same() -> None:
    text = (Path(__file__).parents[4] / "tools" / "build" / "defs.bzl").read_text()
    names: dict[str, object] = {}
    for assignment in re.findall(
        r"^_(?:WIDE|ISA_COPTS) = .*?^[\]}]", text, re.MULTILINE | re.DOTALL
    ):
        exec(assignment, names)
    assert names["_ISA_COPTS"] == {isa: list(flags) for isa, flags in COMPILER_FLAGS.items()}
