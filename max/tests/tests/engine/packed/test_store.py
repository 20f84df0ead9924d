"""Weights that are kept as kernels read them are those of the next start."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from max.driver import CPU
from max.driver.cache_folder import CacheFolderError
from max.dtype import DType
from max.engine import InferenceSession
from max.engine.packed import PackedWeights
from max.engine.packed.file import map_packed_file
from max.graph import Graph, TensorType, Weight, ops

X = TensorType(DType.float32, ["n", 8], CPU())
VALUES = {"weight": torch.randn(5, 8), "scale": torch.randn(8)}


def run(store: PackedWeights, values: dict[str, torch.Tensor] | None = None) -> torch.Tensor:
    """The result of a model, with weights from the store or else these."""
    weight, scale = (
        Weight("weight", DType.float32, [5, 8], CPU()),
        Weight("scale", DType.float32, [8], CPU()),
    )
    graph = Graph("model", lambda x: ops.linear(x * scale, weight), [X])
    session = InferenceSession(packed=store)
    model = session.load(graph, weights_registry={} if values is None else values)
    result: torch.Tensor = model.execute(torch.eye(8))[0].tensor
    return result


def test_what_was_kept_needs_no_other_weights(tmp_path: Path) -> None:
    expected = run(PackedWeights(tmp_path, "1", is_kept=True), VALUES)
    assert torch.equal(run(PackedWeights(tmp_path, "1")), expected)


def test_what_is_there_is_checked_once_and_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run(PackedWeights(tmp_path, "1", is_kept=True), VALUES)
    checked: list[str] = []

    def check(path: Path) -> dict[str, torch.Tensor]:
        checked.append(threading.current_thread().name)
        return map_packed_file(path)

    monkeypatch.setattr("max.engine.packed.store.map_packed_file", check)
    assert torch.equal(run(PackedWeights(tmp_path, "1")), expected)
    assert checked == ["check-weights_0"]


def test_nothing_is_kept_unasked(tmp_path: Path) -> None:
    run(PackedWeights(tmp_path / "folder", "1"), VALUES)
    assert not (tmp_path / "folder").exists()


@pytest.mark.parametrize("source", ["1", "2"])
def test_damaged_and_old_ones_are_made_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, source: str
) -> None:
    expected = run(PackedWeights(tmp_path, "1", is_kept=True), VALUES)
    (file,) = tmp_path.iterdir()
    if source == "1":
        file.write_bytes(file.read_bytes()[:-1])
    with caplog.at_level("INFO"):
        assert torch.equal(run(PackedWeights(tmp_path, source), VALUES), expected)
    (told,) = (record.message for record in caplog.records if "anew" in record.message)
    assert ("damaged" if source == "1" else "out of date") in told
    (fresh,) = tmp_path.iterdir()
    assert (fresh == file) == (source == "1")
    assert torch.equal(run(PackedWeights(tmp_path, source)), expected)


def test_weights_that_cannot_be_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error for who asked for it; a warning for who only had old ones."""
    run(PackedWeights(tmp_path, "1", is_kept=True), VALUES)

    def fail(*arguments: Any) -> None:
        raise OSError("no space")

    monkeypatch.setattr("max.engine.packed.store.write_packed_file", fail)
    with pytest.raises(CacheFolderError, match=r"cannot write .*no space"):
        run(PackedWeights(tmp_path, "2", is_kept=True), VALUES)
    run(PackedWeights(tmp_path, "2"), VALUES)
    assert "the weights are not kept" in caplog.text
