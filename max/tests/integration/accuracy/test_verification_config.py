from __future__ import annotations

from pathlib import Path

import pytest

from integration.accuracy.verification_config import load_config
from integration.test_common.every_tiny_model import EVERY_TINY_MODEL as TINY
from integration.tools.create_pipelines import ALIASES, PIPELINE_ORACLES, find_oracle
from max.pipelines.lib.registry import PIPELINE_REGISTRY
from max.pipelines.modeling.types import PipelineTask


def test_every_named_pipeline_is_configured_and_no_other() -> None:
    local = {p.pipeline for p in load_config().pipelines.values() if not p.on_request}
    assert local == set(PIPELINE_ORACLES)


def test_every_family_is_verified_in_both_encodings() -> None:
    pipelines = load_config().pipelines.values()
    verified = {
        (TINY[p.pipeline].architecture, p.encoding) for p in pipelines if p.pipeline in TINY
    }
    decoders = [
        each.name
        for each in PIPELINE_REGISTRY.all_architectures()
        if each.task is PipelineTask.TEXT_GENERATION
    ]
    assert {(d, e) for d in decoders for e in ("float32", "bfloat16")} <= verified


def test_documented_names() -> None:
    config = load_config()
    for name in ("gemma3-1b", "Gemma-3-1B-bfloat16"):
        pipeline = config.pipelines[config.aliases[name]]
        assert (pipeline.pipeline, pipeline.encoding) == ("google/gemma-3-1b-it", "bfloat16")
    repositories = {name: find_oracle(name).model_path() for name in ALIASES}
    for name, repository in repositories.items():
        if name in config.aliases:
            assert config.pipelines[config.aliases[name]].pipeline == repository


def test_names_say_the_encoding() -> None:
    for name, entry in load_config().pipelines.items():
        assert name == f"{entry.pipeline}-{entry.encoding}"


def test_thresholds_are_read() -> None:
    thresholds = load_config().pipelines["tiny-llama-bfloat16"].thresholds
    assert (thresholds.kl_div, thresholds.cos_dist) == (1e-2, 1e-2)
    assert load_config().pipelines["tiny-llama-float32"].thresholds.kl_div == 1e-6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pipelines: {}", "logit_verification_pipelines"),
        ("[]", "logit_verification_pipelines"),
        ("logit_verification_pipelines: {a: {pipeline: b}}", "(?s), a: .*encoding"),
        (
            "logit_verification_pipelines: {a: {pipeline: b, encoding: float32, kl: 1}}",
            "(?s), a: .*kl",
        ),
    ],
)
def test_malformed_files(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_config(path)
