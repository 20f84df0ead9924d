from __future__ import annotations

from pathlib import Path

import pytest

from integration.tools.create_pipelines import (
    PIPELINE_ORACLES,
    GenericOracle,
    UnknownPipelineError,
    find_oracle,
)


def test_every_documented_name_is_there() -> None:
    assert {"demo", "tiny-llama", "tiny-llama-gqa8", "tiny-qwen2"} <= PIPELINE_ORACLES.keys()


def test_tiny_model_is_made() -> None:
    assert Path(find_oracle("tiny-llama").model_path(), "config.json").is_file()


def test_folder_relative_to_where_the_user_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my-model").mkdir()
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path))
    assert find_oracle("my-model").model_path() == str(tmp_path / "my-model")


def test_repository_id() -> None:
    assert find_oracle("owner/name") == GenericOracle("owner/name")


def test_unknown_name_lists_the_nearest_first() -> None:
    with pytest.raises(UnknownPipelineError, match=r"nearest first: tiny-llama, .*demo") as caught:
        find_oracle("tiny-lama")
    assert "repository id, owner/name" in str(caught.value)
