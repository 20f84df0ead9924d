"""The two tools, as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from integration.test_common.tiny_checkpoints import cached_checkpoint
from integration.test_common.tiny_models import TINY_MODELS
from integration.tools import compare_tensors, debug_model


def run_debug(*arguments: str | Path) -> Result:
    return CliRunner().invoke(debug_model.main, list(map(str, arguments)))


def run_compare(folder: Path, *arguments: str) -> Result:
    files = ["--torch-tensor", str(folder / "torch.pt"), "--max-tensor", str(folder / "max.pt")]
    return CliRunner().invoke(compare_tensors.main, [*files, *arguments])


def test_random_weights_and_other_fields_with_decoding() -> None:
    result = run_debug(
        "--pipeline",
        "tiny-qwen3-windows",
        "--encoding",
        "float32",
        "--random-weights",
        "--num-hidden-layers",
        "2",
        "--hf-config-overrides",
        json.dumps({"intermediate_size": 50}),
        "--num-steps",
        "3",
    )
    assert result.exit_code == 0, result.output
    assert "layers.1-output" in result.output
    assert "layers.2-output" not in result.output
    assert "👍 none departs" in result.output


def test_a_departure_ends_with_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("max.nn.attention.attention.kernels.rope_store", lambda q, *_: q)
    result = run_debug("--pipeline", "tiny-llama", "--encoding", "float32")
    assert result.exit_code == debug_model.EXIT_DEPARTS
    assert "attention of layers.0.self_attn" in result.output


def test_tensors_of_each_side_are_written_and_compared(tmp_path: Path) -> None:
    common = ("--pipeline", "tiny-llama", "--encoding", "float32", "--prompt", "Hello")
    for framework in ("max", "torch"):
        result = run_debug(*common, "--framework", framework, "-o", tmp_path / framework)
        assert result.exit_code == 0, result.output
    result = CliRunner().invoke(
        compare_tensors.main,
        [
            *("--max-tensor", str(tmp_path / "max" / "layers.0-output-0.pt")),
            *("--torch-tensor", str(tmp_path / "torch" / "model.layers.0-output-0.pt")),
        ],
    )
    assert result.exit_code == 0, result.output
    assert "0 of 384 elements differ" in result.output  # <s> and 5 bytes, 64 wide


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--pipeline", "tiny-lama"), "nearest first: tiny-llama"),
        (("--pipeline", "tiny-llama", "--num-hidden-layers", "9"), "the model has 2"),
        (("--pipeline", "tiny-llama", "--num-hidden-layers", "x"), "1 or more, or all"),
        (("--pipeline", "tiny-llama", "--hf-config-overrides", "{"), "is no JSON"),
        (("--pipeline", "tiny-llama", "--hf-config-overrides", '{"a": 1}'), "has no 'a'"),
        (("--pipeline", "tiny-llama", "--framework", "max"), "--output"),
    ],
)
def test_mistakes(arguments: tuple[str, ...], message: str) -> None:
    result = run_debug(*arguments)
    assert result.exit_code in (1, 2)
    assert message in result.output


def test_a_checkpoint_is_left_as_it_is() -> None:
    folder = cached_checkpoint(TINY_MODELS["tiny-llama"])
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    run_debug("--pipeline", folder, "--num-hidden-layers", "1")
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_comparing_tensors(tmp_path: Path) -> None:
    theirs = torch.arange(6.0).view(2, 3)
    torch.save(theirs, tmp_path / "torch.pt")
    ours = theirs.clone()
    ours[1, 0] += 1
    torch.save(ours, tmp_path / "max.pt")
    result = run_compare(tmp_path)
    assert result.exit_code == compare_tensors.EXIT_DIFFERS
    assert "the first one is at [1, 0]: MAX 4, PyTorch 3" in result.output
    assert run_compare(tmp_path, "--atol", "1.1").exit_code == 0


def test_shapes(tmp_path: Path) -> None:
    torch.save(torch.ones(2, 3), tmp_path / "torch.pt")
    torch.save(torch.ones(6), tmp_path / "max.pt")
    result = run_compare(tmp_path)
    assert result.exit_code == 1
    assert "MAX's is [6], PyTorch's is [2, 3]; see --allow-reshape" in result.output
    assert run_compare(tmp_path, "--allow-reshape").exit_code == 0
    torch.save(torch.ones(5), tmp_path / "max.pt")
    assert "different numbers" in run_compare(tmp_path, "--allow-reshape").output
