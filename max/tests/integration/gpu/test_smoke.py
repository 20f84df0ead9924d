"""The run for the day that a GPU is there, on a CPU and small."""

# build: size = "medium"

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from integration.gpu.smoke import main
from integration.gpu.speed import LARGE, Workload
from max import kernels

SMALL = {
    **LARGE,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": 512,
}


def run(folder: Path, *flags: str) -> int:
    argv = ["--devices", "cpu", "--output", str(folder), "--scratch", str(folder), *flags]
    workloads = (Workload("prefill", 1, 40, 1), Workload("two streams", 2, 20, 5))
    return main(argv, SMALL, workloads, ["tiny-llama"], heads=4)


def test_it_checks_measures_and_writes(tmp_path: Path) -> None:
    assert run(tmp_path) == 0
    results = json.loads((tmp_path / "gpu.json").read_text())
    names = {each["name"].partition(",")[0] for each in results["kernels"]}
    with_kernels = {path.parent.name for path in Path(kernels.__file__).parent.glob("*/triton.py")}
    assert with_kernels - names <= {"planes_rows"}, "decoded by the products of many rows too"
    assert results["families"][0]["is_equal"]
    prefill, streams = results["speed"]
    assert prefill["unit"] == "prefill" and 0 < prefill["share"] < 1
    assert streams["decode_tokens_per_second"] > 0 and 0 < streams["share"] < 1
    assert "| two streams |" in (tmp_path / "gpu.md").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gpu.json", "gpu.md"]


def test_a_wrong_kernel_fails_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "integration.gpu.kernel_checks.gated_reference", lambda gate, up, name: torch.ones(70, 1)
    )
    assert run(tmp_path, "--no-speed") == 1
    results = json.loads((tmp_path / "gpu.json").read_text())
    assert [k["name"] for k in results["kernels"] if not k["right"]] == ["gated", "gated"]


def test_without_a_device_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("max.driver.device.has_accelerator_driver", lambda: False)
    assert main(["--output", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().out
    assert said.startswith("nothing was checked: no accelerator 0: ") and "no driver" in said
    assert not (tmp_path / "out").exists()
