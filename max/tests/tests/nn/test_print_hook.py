from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from max.driver import CPU, load_max_buffer
from max.dtype import DType
from max.engine import InferenceSession
from max.graph import Graph, TensorType
from max.nn import Linear, RMSNorm, Sequential
from max.nn.hooks import PrintHook

X = np.arange(8, dtype=np.float32).reshape(2, 4)


def make_model() -> Sequential:
    model = Sequential(
        [RMSNorm(4, DType.float32), Linear(4, 3, DType.float32, CPU(), has_bias=True)]
    )
    rng = np.random.default_rng(0)
    shapes = {name: w.shape.static_dims for name, w in model.raw_state_dict().items()}
    model.load_state_dict({n: rng.normal(size=s).astype(np.float32) for n, s in shapes.items()})
    return model


def run(model: Sequential, folder: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    session = InferenceSession()
    session.set_debug_print_options("BINARY_MAX_CHECKPOINT", output_directory=folder)
    graph = Graph("g", model, [TensorType(DType.float32, ["rows", 4], CPU())])
    loaded = session.load(graph, weights_registry=model.state_dict())
    return loaded(X)[0].to_numpy()


def names(folder: Path) -> set[str]:
    return {file.name.removesuffix("-0.pt") for file in folder.iterdir()}


def test_every_layer_is_printed(tmp_path: Path) -> None:
    model = make_model()
    plain = run(model, tmp_path / "none")
    hook = PrintHook()
    hook.name_layers(model)
    watched = run(model, tmp_path / "all")
    np.testing.assert_array_equal(watched, plain)
    assert not (tmp_path / "none").exists()
    layers = ("0", "1", "model")
    assert names(tmp_path / "all") == {f"{n}-{end}" for n in layers for end in ("input", "output")}
    for name, expected in {"0-input": X, "1-output": plain, "model-output": plain}.items():
        found = load_max_buffer(tmp_path / "all" / f"{name}-0.pt")
        np.testing.assert_array_equal(found.to_numpy(), expected)


@pytest.mark.parametrize("pattern", ["1", ["1", "2"], "[1-9]*"])
def test_filter(tmp_path: Path, pattern: str | list[str]) -> None:
    model = make_model()
    PrintHook(filter=pattern).name_layers(model)
    run(model, tmp_path)
    assert names(tmp_path) == {"1-input", "1-output"}


def test_removed_hooks_print_nothing(tmp_path: Path) -> None:
    model = make_model()
    hook = PrintHook()
    hook.name_layers(model)
    assert type(model) is not Sequential
    assert isinstance(model, Sequential)
    hook.remove()
    assert type(model) is Sequential
    run(model, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_layers_named_twice_are_printed_once(tmp_path: Path) -> None:
    model = make_model()
    hook = PrintHook()
    hook.name_layers(model)
    hook.name_layers(model)
    run(model, tmp_path)
    assert all(file.name.endswith("-0.pt") for file in tmp_path.iterdir())


def test_export_path_is_told_to_be_of_no_effect(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "max.nn"):
        PrintHook(export_path="/tmp/here")
    assert "set_debug_print_options" in caplog.text
