"""How printed tensors are shown, and saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession, Model, PrintStyle
from max.graph import Graph, TensorType, TensorValue

VALUES = np.arange(200, dtype=np.float32) / 7


def make_model(session: InferenceSession, dtype: DType = DType.float32) -> Model:
    """Prints its input, labelled `layers.0`."""

    def forward(x: TensorValue) -> TensorValue:
        x.cast(dtype).print("layers.0")
        return x

    return session.load(Graph("g", forward, [TensorType(DType.float32, ["n"], CPU())]))


def test_compact_elides_the_middle(capsys: pytest.CaptureFixture[str]) -> None:
    make_model(InferenceSession())(VALUES)
    out = capsys.readouterr().out
    assert out.startswith("layers.0: float32 [200]\n[ 0.        0.142857  0.285714 ...")


def test_full_shows_all(capsys: pytest.CaptureFixture[str]) -> None:
    session = InferenceSession()
    session.set_debug_print_options("FULL", precision=2)
    make_model(session)(VALUES)
    out = capsys.readouterr().out
    assert "..." not in out
    assert len(out.split("\n", 1)[1].strip("[]\n").split()) == 200
    assert "0.14 " in out


def test_none_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    session = InferenceSession()
    session.set_debug_print_options(PrintStyle.NONE)
    make_model(session)(VALUES)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("style", ["BINARY", "BINARY_MAX_CHECKPOINT"])
@pytest.mark.parametrize("dtype", [DType.float32, DType.bfloat16, DType.uint32], ids=str)
def test_binary_writes_files(style: str, dtype: DType, tmp_path: Path) -> None:
    session = InferenceSession()
    session.set_debug_print_options(style, output_directory=tmp_path / "new")
    model = make_model(session, dtype)
    model(VALUES)
    model(VALUES + 1)
    first, second = (torch.load(tmp_path / "new" / f"layers.0-{i}.pt") for i in (0, 1))
    assert first.dtype is dtype.to_torch()
    assert torch.equal(first, torch.as_tensor(VALUES).to(first.dtype))
    assert torch.equal(second, torch.as_tensor(VALUES + 1).to(first.dtype))


def test_options_hold_for_models_loaded_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    session = InferenceSession()
    model = make_model(session, DType.bfloat16)
    session.set_debug_print_options(precision=1)
    model(VALUES[:2])
    assert capsys.readouterr().out == "layers.0: bfloat16 [2]\n[0.  0.1]\n"


def test_sessions_print_their_own_way(capsys: pytest.CaptureFixture[str]) -> None:
    quiet, loud = InferenceSession(), InferenceSession()
    quiet.set_debug_print_options("NONE")
    compiled = loud.compile(Graph("g", _printed, [TensorType(DType.float32, ["n"], CPU())]))
    quiet.init(compiled)(VALUES[:1])
    assert capsys.readouterr().out == ""
    loud.init(compiled)(VALUES[:1])
    assert capsys.readouterr().out == "x: float32 [1]\n[0.]\n"


def _printed(x: TensorValue) -> TensorValue:
    x.print("x")
    return x


def test_options_that_are_refused() -> None:
    session = InferenceSession()
    with pytest.raises(ValueError, match="print style BINARY writes files: give output_directory"):
        session.set_debug_print_options("BINARY")
    with pytest.raises(ValueError, match="'LOUD' is not a valid PrintStyle"):
        session.set_debug_print_options("LOUD")
