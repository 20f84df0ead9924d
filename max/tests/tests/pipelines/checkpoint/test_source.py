"""What `--model` and `--weight-path` may name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from max import demo
from max.pipelines.checkpoint.source import HubModel, LocalModel, find_model, is_repo_id
from max.pipelines.modeling.errors import ModelSourceError
from tests.pipelines.checkpoint.gguf.gguf_models import write_model

MakeCheckpoint = Callable[..., Path]


def test_folder(
    tmp_path: Path, make_checkpoint: MakeCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_checkpoint()
    assert find_model(str(folder)) == LocalModel(folder)
    monkeypatch.chdir(tmp_path)
    assert find_model("model") == LocalModel(folder)


def test_a_folder_whose_gguf_file_is_not_named_so(
    tmp_path: Path, make_checkpoint: MakeCheckpoint
) -> None:
    """Other programs keep files by their hashes."""
    (tmp_path / "store").mkdir()
    file = write_model(tmp_path / "store" / "sha256-0a1b")
    (tmp_path / "store" / "notes").write_text("x")
    assert find_model(str(tmp_path / "store")) == LocalModel(tmp_path / "store", file)
    write_model(tmp_path / "store" / "sha256-2c3d")
    assert find_model(str(tmp_path / "store")) == LocalModel(tmp_path / "store"), "which is meant?"
    folder = make_checkpoint()
    write_model(folder / "sha256-0a1b")
    assert find_model(str(folder)) == LocalModel(folder), "it has weights that are named so"


def test_demo(
    tmp_path: Path, make_checkpoint: MakeCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_checkpoint(folder="demo")
    monkeypatch.chdir(tmp_path)
    assert find_model("demo") == LocalModel(demo.model_path())
    assert find_model("./demo") == LocalModel(folder)


def test_repository() -> None:
    source = find_model("org/name", revision="v1", weight_revision="v2", trust_remote_code=True)
    assert source == HubModel("org/name", "v1", "v2", with_code=True)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("org/name", True),
        ("gpt2", True),
        ("Qwen/Qwen2.5-0.5B-Instruct", True),
        ("./org/name", False),
        ("a/b/c", False),
        ("/abs", False),
        ("~/x", False),
        ("org/", False),
        ("name.", False),
        ("na me", False),
    ],
)
def test_form_of_repository_ids(text: str, valid: bool) -> None:
    assert is_repo_id(text) == valid


@pytest.mark.parametrize(
    ("model_path", "message"),
    [
        ("", "no model given; --model takes a folder"),
        ("./nowhere", "does not exist .* not a Hugging Face repository id"),
        ("a/b/c", "does not exist .* not a Hugging Face repository id"),
    ],
)
def test_nothing_of_that_name(model_path: str, message: str) -> None:
    with pytest.raises(ModelSourceError, match=message):
        find_model(model_path)


def test_file_instead_of_folder(make_checkpoint: MakeCheckpoint) -> None:
    with pytest.raises(ModelSourceError, match="is a file; --model takes the folder"):
        find_model(str(make_checkpoint() / "config.json"))


def test_weight_files(
    tmp_path: Path, make_checkpoint: MakeCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_checkpoint()
    source = LocalModel(folder)
    assert source.weight_files([]) == [folder / "model.safetensors"]
    assert source.weight_files([Path("model.safetensors")]) == [folder / "model.safetensors"]
    tuned = tmp_path / "tuned.safetensors"
    tuned.touch()
    assert source.weight_files([tuned]) == [tuned]
    monkeypatch.chdir(tmp_path)
    assert source.weight_files([Path("tuned.safetensors")]) == [Path("tuned.safetensors")]
    with pytest.raises(ModelSourceError, match=r"weight_path 'other.safetensors' does not exist"):
        source.weight_files([Path("other.safetensors")])


def test_local_weight_file_of_a_repository_needs_no_download(tmp_path: Path) -> None:
    tuned = tmp_path / "tuned.safetensors"
    tuned.touch()
    assert HubModel("org/name", "main", "main").weight_files([tuned]) == [tuned]
