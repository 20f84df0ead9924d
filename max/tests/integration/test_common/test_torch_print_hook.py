from __future__ import annotations

from pathlib import Path

import pytest
import torch

from integration.test_common.torch_print_hook import TorchPrintHook


def make_model() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU())


def test_files(tmp_path: Path) -> None:
    model, x = make_model(), torch.ones(2, 4)
    hook = TorchPrintHook(export_path=tmp_path / "new")
    hook.name_layers(model)
    result = model(x)
    model(x)
    hook.remove()
    model(x)
    files = {file.name for file in (tmp_path / "new").iterdir()}
    labels = [f"{n}-{end}" for n in ("0", "1", "model") for end in ("input", "output")]
    assert files == {f"{label}-{run}.pt" for label in labels for run in (0, 1)}
    torch.testing.assert_close(torch.load(tmp_path / "new" / "model-output-1.pt"), result.detach())


def test_printing(capsys: pytest.CaptureFixture[str]) -> None:
    model = make_model()
    TorchPrintHook().name_layers(model)
    model(torch.ones(2, 4))
    assert "0-output: float32 [2, 3]\n" in capsys.readouterr().out
