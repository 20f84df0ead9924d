"""Finding weight files and reading their headers, whole and broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from max.pipelines.checkpoint.weight_files import (
    INDEX_FILE,
    checkpoint_encodings,
    find_weight_files,
    total_size,
)
from max.pipelines.modeling.errors import ModelSourceError

WriteSafetensors = Callable[..., Path]


def write_index(folder: Path, *shards: str) -> None:
    weight_map = {f"weight.{i}": shard for i, shard in enumerate(shards)}
    (folder / INDEX_FILE).write_text(json.dumps({"weight_map": weight_map}))


def test_files_of_the_index(tmp_path: Path, write_safetensors: WriteSafetensors) -> None:
    for name in ("s1.safetensors", "s2.safetensors", "unrelated.safetensors"):
        write_safetensors(tmp_path / name, {})
    write_index(tmp_path, "s2.safetensors", "s1.safetensors", "s2.safetensors")
    assert [p.name for p in find_weight_files(tmp_path)] == ["s1.safetensors", "s2.safetensors"]


def test_missing_shard(tmp_path: Path, write_safetensors: WriteSafetensors) -> None:
    write_safetensors(tmp_path / "s1.safetensors", {})
    write_index(tmp_path, "s1.safetensors", "s2.safetensors")
    with pytest.raises(
        ModelSourceError, match=r"2 weight files, but 1 are missing: s2.safetensors"
    ):
        find_weight_files(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"weight_map": []}'])
def test_broken_index(tmp_path: Path, text: str) -> None:
    (tmp_path / INDEX_FILE).write_text(text)
    with pytest.raises(ModelSourceError, match="is not an index of weights"):
        find_weight_files(tmp_path)


@pytest.mark.parametrize("name", ["../other/model.safetensors", "/etc/passwd", 3, None, ""])
def test_index_of_files_elsewhere(tmp_path: Path, name: object) -> None:
    (tmp_path / INDEX_FILE).write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(ModelSourceError, match="no file of its folder"):
        find_weight_files(tmp_path)


def test_files_without_an_index(tmp_path: Path, write_safetensors: WriteSafetensors) -> None:
    write_safetensors(tmp_path / "part-b.safetensors", {})
    write_safetensors(tmp_path / "part-a.safetensors", {})
    assert [p.name for p in find_weight_files(tmp_path)] == [
        "part-a.safetensors",
        "part-b.safetensors",
    ]
    whole = write_safetensors(tmp_path / "model.safetensors", {})
    assert find_weight_files(tmp_path) == [whole]


def test_companions_of_other_systems_are_no_weights(
    tmp_path: Path, write_safetensors: WriteSafetensors
) -> None:
    for number in (1, 2):
        write_safetensors(tmp_path / f"model-0000{number}-of-00002.safetensors", {})
        (tmp_path / f"._model-0000{number}-of-00002.safetensors").write_bytes(b"\0\5\x16\7Mac OS X")

    assert [path.name for path in find_weight_files(tmp_path)] == [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    ]


def test_a_whole_file_is_taken_beside_the_index_of_shards_that_are_gone(
    tmp_path: Path, write_safetensors: WriteSafetensors, caplog: pytest.LogCaptureFixture
) -> None:
    write_index(tmp_path, "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    write_safetensors(tmp_path / "model.safetensors", {})

    assert find_weight_files(tmp_path) == [tmp_path / "model.safetensors"]
    assert "model-00001-of-00002.safetensors" in caplog.text


def test_a_whole_file_is_taken_beside_shards_as_transformers_does(
    tmp_path: Path, write_safetensors: WriteSafetensors, caplog: pytest.LogCaptureFixture
) -> None:
    write_index(tmp_path, "s1.safetensors")
    write_safetensors(tmp_path / "s1.safetensors", {})
    write_safetensors(tmp_path / "model.safetensors", {})
    assert find_weight_files(tmp_path) == [tmp_path / "model.safetensors"]
    assert "lists other files; what is read instead is model.safetensors" in caplog.text
    write_index(tmp_path, "s1.safetensors", "model.safetensors")
    assert len(find_weight_files(tmp_path)) == 2


def test_an_index_of_shards_that_were_cut_otherwise_is_passed_over(
    tmp_path: Path, write_safetensors: WriteSafetensors, caplog: pytest.LogCaptureFixture
) -> None:
    weight_map = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (tmp_path / INDEX_FILE).write_text(json.dumps({"weight_map": weight_map}))
    other = tmp_path / "model-00001-of-00001.safetensors"
    write_safetensors(other, {"a": ("F32", [1])})
    with pytest.raises(ModelSourceError, match="2 are missing"):
        find_weight_files(tmp_path)
    write_safetensors(other, {"a": ("F32", [1]), "b": ("F32", [1])})
    assert find_weight_files(tmp_path) == [other]
    assert "that are not there (model-00001-of-00002.safetensors" in caplog.text


def test_files_of_other_systems_have_marks_and_capitals(
    tmp_path: Path, write_safetensors: WriteSafetensors
) -> None:
    write_safetensors(tmp_path / "MODEL.SAFETENSORS", {})
    index = '\ufeff{"weight_map": {"a": "MODEL.SAFETENSORS"}}'
    for text in (index, None):
        if text is None:
            (tmp_path / INDEX_FILE).unlink()
        else:
            (tmp_path / INDEX_FILE).write_text(text, encoding="utf-8")
        assert [path.name for path in find_weight_files(tmp_path)] == ["MODEL.SAFETENSORS"]


def test_no_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelSourceError, match=r"expected \*\.safetensors or \*\.gguf, found none"):
        find_weight_files(tmp_path)
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(ModelSourceError, match=r"pytorch_model\.bin, which this release does not"):
        find_weight_files(tmp_path)


def test_a_file_that_is_damaged(tmp_path: Path, write_safetensors: WriteSafetensors) -> None:
    path = write_safetensors(tmp_path / "a.safetensors", {"a": ("F32", [8])})
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelSourceError, match=r"a\.safetensors: it has .* interrupted download"):
        checkpoint_encodings([path])


def test_encodings_leave_out_minor_shares(
    tmp_path: Path, write_safetensors: WriteSafetensors
) -> None:
    # 800 bytes of bfloat16 and 40 of float32: norms do not make a float32 checkpoint.
    mixed = write_safetensors(
        tmp_path / "a.safetensors", {"w": ("BF16", [400]), "norm": ("F32", [10]), "i": ("I64", [9])}
    )
    assert checkpoint_encodings([mixed]) == {"bfloat16"}
    more = write_safetensors(tmp_path / "b.safetensors", {"w": ("F32", [200])})
    assert checkpoint_encodings([mixed, more]) == {"bfloat16", "float32"}
    assert checkpoint_encodings([]) == frozenset()


def test_total_size(tmp_path: Path) -> None:
    for name, size in (("a", 3), ("b", 4)):
        (tmp_path / name).write_bytes(bytes(size))
    assert total_size([tmp_path / "a", tmp_path / "b"]) == 7
