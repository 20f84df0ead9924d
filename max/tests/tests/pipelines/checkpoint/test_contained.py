"""Tests of `max.pipelines.checkpoint.contained`."""

from __future__ import annotations

from pathlib import Path

import pytest

from max.pipelines.checkpoint.contained import contained, is_plain_name, real_path
from max.pipelines.modeling.errors import ModelSourceError


@pytest.mark.parametrize("name", ["a.safetensors", "sub/a.safetensors", "..a"])
def test_names_of_the_folder(name: str) -> None:
    assert is_plain_name(name)


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../a", "a/../../b", "a\0b", 3, None, ["a"]])
def test_names_that_lead_elsewhere(name: object) -> None:
    assert not is_plain_name(name)


def test_links_within_the_folder_and_the_cache_are_followed(tmp_path: Path) -> None:
    snapshot = tmp_path / "models--a" / "snapshots" / "1"
    blob = tmp_path / "models--a" / "blobs" / "x"
    for folder in (snapshot, blob.parent):
        folder.mkdir(parents=True)
    blob.write_text("x")
    (snapshot / "template").symlink_to("../../blobs/x")
    (snapshot / "own").symlink_to("template")

    for name in ("template", "own", "absent"):
        assert contained(snapshot, snapshot / name) == snapshot / name


def test_link_of_an_older_download_to_the_cache_is_followed(tmp_path: Path) -> None:
    blob = tmp_path / "hub" / "models--a--b" / "blobs" / "x"
    blob.parent.mkdir(parents=True)
    blob.write_text("x")
    (folder := tmp_path / "model").mkdir()
    (folder / "tokenizer.json").symlink_to(blob)

    assert contained(folder, folder / "tokenizer.json").read_text() == "x"


def test_folder_among_snapshots_of_nobody_is_like_any_other(tmp_path: Path) -> None:
    (folder := tmp_path / "snapshots" / "model").mkdir(parents=True)
    (tmp_path / "secret").write_text("x")
    (folder / "template").symlink_to(tmp_path / "secret")

    with pytest.raises(ModelSourceError, match="outside of the model's folder"):
        contained(folder, folder / "template")


def test_links_to_files_elsewhere_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_text("x")
    (folder / "template").symlink_to(tmp_path / "secret")

    with pytest.raises(ModelSourceError, match="outside of the model's folder"):
        contained(folder, folder / "template")


def test_folder_may_be_a_link_itself(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "template").write_text("x")
    (tmp_path / "link").symlink_to("model")

    assert contained(tmp_path / "link", tmp_path / "link" / "template").read_text() == "x"


def test_links_in_a_circle_are_no_error_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "template").symlink_to("template")

    assert not contained(tmp_path, tmp_path / "template").exists()
    assert real_path(tmp_path / "template").parent == tmp_path.resolve()
