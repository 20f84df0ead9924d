"""A good model, to be spoilt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integration.bad_input.refusal import copy_model
from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_models import TINY_MODELS

CopyModel = Callable[..., Path]


@pytest.fixture(scope="session")
def good_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama: 512 positions, hidden size 64, 2 layers, 4 heads, 2 KV heads of 16."""
    return make_checkpoint(TINY_MODELS["tiny-llama"], tmp_path_factory.mktemp("good") / "model")


@pytest.fixture(scope="session")
def sharded_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama whose weights are in several files."""
    model = TINY_MODELS["tiny-llama-head128"]
    return make_checkpoint(model, tmp_path_factory.mktemp("sharded") / "model")


@pytest.fixture
def spoilt(good_model: Path, tmp_path: Path) -> CopyModel:
    """`spoilt("config.json")` copies the good model without that file."""

    def copy(*without: str) -> Path:
        return copy_model(good_model, tmp_path / "model", without)

    return copy


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user stands in a folder of their own, offline, with an empty cache of models."""
    folder = tmp_path / "user"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("BUILD_WORKING_DIRECTORY", raising=False)
    return folder
