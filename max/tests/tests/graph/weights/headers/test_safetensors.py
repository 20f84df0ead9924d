from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from max.graph.weights.headers.errors import WeightsFileError
from max.graph.weights.headers.safetensors import SafetensorsTensor, read_safetensors_header


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.safetensors"
    save_file({"a": np.ones((2, 3), np.float32), "b": np.ones(0, np.int64)}, path, {"by": "test"})
    return path


def test_header(path: Path) -> None:
    header = read_safetensors_header(path)
    data_start = path.stat().st_size - 24
    assert header["a"] == SafetensorsTensor("F32", (2, 3), data_start, 24)
    assert (header["b"].shape, header["b"].size, len(header)) == ((0,), 0, 2)


@pytest.mark.parametrize("keep", [0, 7, 40, -1])
def test_truncated_file(path: Path, keep: int) -> None:
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsFileError, match=r"a\.safetensors: it has .*interrupted download"):
        read_safetensors_header(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x02\0\0\0\0\0\0\0[]", "is no safetensors file"),
        (b"version https://git-lfs.github.com/spec/v1\nsize 9\n", "is a git-lfs pointer"),
        (b"<!DOCTYPE html><html>Sign in</html>", "begin with b'<!DOCTYPE html>"),
    ],
)
def test_files_of_another_format(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    with pytest.raises(WeightsFileError, match=message):
        read_safetensors_header(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsFileError, match="no such file"):
        read_safetensors_header(tmp_path / "b.safetensors")
    with pytest.raises(WeightsFileError, match="it is a directory: give the files in it"):
        read_safetensors_header(tmp_path)
