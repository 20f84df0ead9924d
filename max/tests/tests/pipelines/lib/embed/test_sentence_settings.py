"""What sentence-transformers' files say is read, or refused by its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from max.pipelines.lib.embed import Pooling, SentenceSettings, makes_embeddings
from max.pipelines.modeling.errors import ModelSourceError

POOLING = {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}


def write(folder: Path, pooling: dict[str, Any], *others: str) -> Path:
    """The files of a sentence transformer without its model."""
    types = [{"path": "", "type": f"sentence_transformers.models.{name}"} for name in others]
    (folder / "modules.json").write_text(json.dumps([POOLING, *types]), encoding="utf-8")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling), encoding="utf-8")
    return folder


def test_without_files(tmp_path: Path) -> None:
    assert not makes_embeddings(tmp_path)
    assert SentenceSettings.of(tmp_path) == SentenceSettings(None, is_normalized=True)


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, Pooling.CLS),
        ({"pooling_mode_lasttoken": True}, Pooling.LAST_TOKEN),
        ({"pooling_mode": "mean"}, Pooling.MEAN),
        ({"pooling_mode": ["mean"]}, Pooling.MEAN),
    ],
)
def test_poolings(config: dict[str, Any], pooling: Pooling, tmp_path: Path) -> None:
    assert SentenceSettings.of(write(tmp_path, config)) == SentenceSettings(pooling, False)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"pooling_mode": "weightedmean"}, "pooling by weightedmean, which is not supported"),
        ({"pooling_mode_cls_token": True, "pooling_mode_max_tokens": True}, "by cls and max"),
        ({}, "by nothing"),
        ({"pooling_mode": "mean", "include_prompt": False}, "without the prompt's tokens"),
    ],
)
def test_a_pooling_that_is_not_supported(
    config: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelSourceError, match=message):
        SentenceSettings.of(write(tmp_path, config))


def test_a_module_that_is_not_supported(tmp_path: Path) -> None:
    folder = write(tmp_path, {"pooling_mode": "mean"}, "Dense")
    with pytest.raises(ModelSourceError, match="has the module 'Dense'"):
        SentenceSettings.of(folder)


@pytest.mark.parametrize("content", ["{", "{}", "[1]", '[{"type": "Pooling"}]'])
def test_damaged_modules(content: str, tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelSourceError, match=r"modules\.json"):
        SentenceSettings.of(tmp_path)


def test_a_prompt_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "config_sentence_transformers.json"
    path.write_text(json.dumps({"default_prompt_name": "query", "prompts": {"doc": ""}}))
    with pytest.raises(ModelSourceError, match="is 'query'; prompts has doc"):
        SentenceSettings.of(tmp_path)


@pytest.mark.parametrize("path", ["/etc", "../other", "a\0b", 5, None, ["1_Pooling"]])
def test_modules_are_in_the_folder(path: object, tmp_path: Path) -> None:
    write(tmp_path, {"pooling_mode": "mean"})
    (tmp_path / "modules.json").write_text(json.dumps([{**POOLING, "path": path}]))
    with pytest.raises(ModelSourceError, match=r"modules\.json has the path"):
        SentenceSettings.of(tmp_path)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("modules.json", "[" * 100_000),
        ("modules.json", "5"),
        ("1_Pooling/config.json", '{"pooling_mode": 5}'),
        ("1_Pooling/config.json", '{"pooling_mode": [[1]]}'),
        ("sentence_bert_config.json", '{"max_seq_length": "x"}'),
        ("sentence_bert_config.json", '{"max_seq_length": 0}'),
        ("config_sentence_transformers.json", '{"default_prompt_name": ["x"], "prompts": {}}'),
        ("config_sentence_transformers.json", '{"default_prompt_name": "x", "prompts": ["x"]}'),
    ],
)
def test_wrong_kinds_of_values_are_told(file: str, content: str, tmp_path: Path) -> None:
    write(tmp_path, {"pooling_mode": "mean"})
    (tmp_path / file).write_text(content)
    with pytest.raises(ModelSourceError, match=Path(file).name):
        SentenceSettings.of(tmp_path)
