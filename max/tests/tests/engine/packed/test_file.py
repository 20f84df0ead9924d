"""A file of tensors gives back what was written, or says that it does not."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
import torch

from max.driver.cache_folder import CacheFolderError
from max.engine.packed.file import PackedFileError, map_packed_file, write_packed_file


def make_tensors() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {
        "a.large": torch.randn(700, 1000),  # 2.7 mebibytes
        "b.odd": torch.tensor([1, 2, 3], dtype=torch.uint8),
        "c.half": torch.randn(2, 3, 4).bfloat16(),
        "d.none": torch.empty(0, 5),
        "e.transposed": torch.randn(5, 6).T,
        "f.scale": torch.tensor(2.5),
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "folder" / "model.weights"
    write_packed_file(file, make_tensors(), lambda count: None)
    return file


def test_tensors_come_back(path: Path) -> None:
    found, expected = map_packed_file(path), make_tensors()
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert found[name].dtype is tensor.dtype and found[name].shape == tensor.shape
        assert torch.equal(found[name], tensor)
        assert not found[name].numel() or found[name].data_ptr() % 64 == 0
    assert [file.name for file in path.parent.iterdir()] == ["model.weights"]


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[int] = []
    tensors = make_tensors()
    write_packed_file(tmp_path / "file", tensors, told.append)
    padding = 4096 + 64 * (len(tensors) + 1)
    assert 0 <= sum(told) - sum(tensor.nbytes for tensor in tensors.values()) <= padding


def test_a_file_of_nothing(tmp_path: Path) -> None:
    write_packed_file(tmp_path / "file", {}, lambda count: None)
    assert map_packed_file(tmp_path / "file") == {}


@pytest.mark.parametrize("kept", [0, 5, 4095, 5000, -8, -1])
def test_a_truncated_file_is_noticed(path: Path, kept: int) -> None:
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(PackedFileError, match=r"bytes, not|begin"):
        map_packed_file(path)


@pytest.mark.parametrize("place", [0, 9, 20, 4096, 2 * 2**20, -1])
def test_a_changed_byte_is_noticed(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)
    with pytest.raises(PackedFileError):
        map_packed_file(path)


def test_a_full_disk_is_told_before_anything_is_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", ["total", "used", "free"])
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 9, 1))
    with pytest.raises(CacheFolderError, match=r"0\.0 GB left.*MODULAR_MAX_CACHE_DIR"):
        write_packed_file(path, make_tensors(), lambda count: None)
    assert torch.equal(map_packed_file(path)["a.large"], make_tensors()["a.large"])


def test_without_huge_pages_it_is_copied(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("max.engine.packed.file._huge_bytes", lambda content: 0)
    copied = map_packed_file(path)
    path.write_bytes(b"")
    assert torch.equal(copied["a.large"], make_tensors()["a.large"])


def test_in_small_pages_it_is_read_anew_before_it_is_copied(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([0, 1 << 40])
    monkeypatch.setattr("max.engine.packed.file._huge_bytes", lambda content: next(looks))
    monkeypatch.setattr("max.engine.packed.file.empty_in_huge_pages", None)  # no copy is made
    assert torch.equal(map_packed_file(path)["a.large"], make_tensors()["a.large"])
    assert next(looks, None) is None


def test_what_others_could_have_written_is_not_mapped(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o644
    path.chmod(0o666)
    with pytest.raises(PackedFileError, match="others than its user"):
        map_packed_file(path)
