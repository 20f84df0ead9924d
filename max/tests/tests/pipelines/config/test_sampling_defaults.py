"""Sampling parameters that a model recommends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from max.pipelines.config import ModelSourceError, SamplingParamsGenerationConfigDefaults
from max.pipelines.context import SamplingParams


def read_defaults(folder: Path, **content: object) -> SamplingParamsGenerationConfigDefaults:
    (folder / "generation_config.json").write_text(json.dumps(content))
    return SamplingParamsGenerationConfigDefaults.from_folder(folder)


def test_without_a_file_nothing_changes(tmp_path: Path) -> None:
    defaults = SamplingParamsGenerationConfigDefaults.from_folder(tmp_path)
    assert defaults.values_to_update == {}


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (
            {"temperature": 0.6, "top_p": 0.9, "eos_token_id": 3, "do_sample": True},
            {"temperature": 0.6, "top_p": 0.9},
        ),
        ({"top_k": 0}, {}),
        ({"do_sample": False, "temperature": 0.6, "top_k": 50}, {"temperature": 0.0}),
        (
            {"repetition_penalty": 1.1, "max_new_tokens": 7},
            {"repetition_penalty": 1.1, "max_new_tokens": 7},
        ),
    ],
)
def test_values(tmp_path: Path, content: dict[str, object], values: dict[str, object]) -> None:
    assert read_defaults(tmp_path, **content).values_to_update == values


def test_all_values_are_sampling_params(tmp_path: Path) -> None:
    defaults = read_defaults(
        tmp_path,
        temperature=0.5,
        top_p=0.5,
        top_k=5,
        min_p=0.1,
        repetition_penalty=1.2,
        max_new_tokens=9,
        min_new_tokens=1,
    )
    assert SamplingParams(**defaults.values_to_update).top_k == 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"temperature": -3.0}, r"temperature is -3\.0"),
        ({"top_p": "high"}, "top_p is 'high', which is not a number"),
    ],
)
def test_values_that_cannot_be_sampled_with(
    tmp_path: Path, content: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelSourceError, match=rf"generation_config\.json.* {message}"):
        read_defaults(tmp_path, **content)
