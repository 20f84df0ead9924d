"""The measurements, of the demo model."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType

import pytest
from click.testing import CliRunner

from max.kernels import peak_arithmetic, read_bandwidth
from tools.benchmarks.measure_model import main

ARGUMENTS = (
    "--model demo --prefill 40 --first-token 20 --context 8 --context 16 --streams 2 --steps 3"
)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    monkeypatch.setattr(read_bandwidth, "read_rate", lambda data: 30e9)
    monkeypatch.setattr(peak_arithmetic, "peak_arithmetic", lambda dtype: 400e9)


def test_the_demo_model() -> None:
    result = CliRunner().invoke(main, ARGUMENTS.split())
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout.splitlines()[-1])
    metrics = printed["metrics"]
    assert set(metrics) >= {"prefill_40", "ttft_20", "decode_8", "decode_16", "streams_2"}
    assert all(value > 0 for value in metrics.values())
    assert metrics["step_8"] == pytest.approx(1000 / metrics["decode_8"])
    assert printed["encoding"] == "bfloat16"

    # A step reads all weights in bfloat16, and its own activations: little beside them.
    assert metrics["step_gb"] == pytest.approx(metrics["weights_gb"], rel=0.02)
    assert metrics["decode_8_bound"] == pytest.approx(30 / metrics["step_gb"])
    # And of a token 4 layers of two heads of 32 elements, keys and values, in bfloat16.
    read = metrics["step_gb"] + (8 + 3 / 2) * 4 * 2 * 2 * 32 * 2 / 1e9
    assert metrics["decode_8_cache_bound"] == pytest.approx(30 / read)
    # 4 layers of (192 x (6 + 2 + 2 + 6) x 32 + 3 x 192 x 448) weights.
    assert metrics["prefill_40_bound"] == pytest.approx(400e9 / (2 * 4 * 356_352))
    # The KV cache of the most tokens at once: two streams of 131 tokens, which are two pages each.
    cache = 4 * 128 * 4 * 2 * 2 * 32 * 2 / 1e9
    assert metrics["peak_gb_bound"] == pytest.approx(1.2 * metrics["weights_gb"] + cache)

    kernels = {(op["op"], op["weights"]): op for op in printed["profile"]}
    assert kernels["packed_linear", "gate_proj + up_proj"]["calls"] == 4
    assert sum(op["seconds"] for op in printed["profile"]) < metrics["profile_step"] / 1000


@pytest.mark.parametrize(
    ("module", "probe"),
    [(read_bandwidth, "read_rate"), (peak_arithmetic, "peak_arithmetic")],
)
def test_nothing_is_measured_without_native_kernels(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, probe: str
) -> None:
    unavailable: Callable[..., None] = lambda *arguments: None  # noqa: E731
    monkeypatch.setattr(module, probe, unavailable)
    result = CliRunner().invoke(main, ARGUMENTS.split())
    assert result.exit_code == 1
    assert "there is no C++ compiler" in result.output
