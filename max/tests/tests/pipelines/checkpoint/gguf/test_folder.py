"""Tests of `max.pipelines.checkpoint.gguf.folder`."""

from __future__ import annotations

from pathlib import Path

import pytest

from max.driver.cache_folder import CacheFolderError
from max.pipelines.checkpoint.gguf.folder import completed_folder
from max.pipelines.modeling.errors import ModelSourceError
from tests.pipelines.checkpoint.gguf.gguf_models import write_model


@pytest.fixture
def gguf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MODULAR_MAX_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "model"
    folder.mkdir()
    return write_model(folder / "model.gguf")


def test_what_is_made_is_for_its_user_alone(gguf: Path, tmp_path: Path) -> None:
    made = completed_folder(gguf.parent, gguf)
    assert made.parent.stat().st_mode & 0o777 == 0o700


def test_links_to_files_elsewhere_are_not_copied(gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (gguf.parent / "chat_template.jinja").symlink_to(tmp_path / "secret")
    with pytest.raises(ModelSourceError, match="outside of the model's folder"):
        completed_folder(gguf.parent, gguf)


def test_cache_that_others_write_to_is_not_believed(
    gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("max.driver.cache_folder.os.geteuid", lambda: 12345)
    (tmp_path / "cache" / "gguf").mkdir(parents=True, mode=0o777)
    (tmp_path / "cache" / "gguf").chmod(0o777)
    with pytest.raises(CacheFolderError, match="others could change"):
        completed_folder(gguf.parent, gguf)
