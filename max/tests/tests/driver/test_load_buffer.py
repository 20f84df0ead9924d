from __future__ import annotations

from pathlib import Path

import pytest
import torch

from max.driver import load_max_buffer


def test_tensor_is_read(tmp_path: Path) -> None:
    torch.save(torch.arange(6, dtype=torch.bfloat16).view(2, 3), tmp_path / "a.pt")
    assert load_max_buffer(tmp_path / "a.pt").tensor.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_mistakes(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_max_buffer(tmp_path / "none.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(ValueError, match="holds a list, not a tensor"):
        load_max_buffer(tmp_path / "list.pt")
    (tmp_path / "text.pt").write_text("text")
    with pytest.raises(ValueError, match="holds no tensor"):
        load_max_buffer(tmp_path / "text.pt")
