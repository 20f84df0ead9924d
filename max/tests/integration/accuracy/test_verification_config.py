from __future__ import annotations

from pathlib import Path

import pytest

from integration.accuracy.verification_config import load_config
from integration.tools.create_pipelines import PIPELINE_ORACLES


def test_every_named_pipeline_is_configured_and_no_other() -> None:
    assert {entry.pipeline for entry in load_config().values()} == set(PIPELINE_ORACLES)


def test_names_say_the_encoding() -> None:
    for name, entry in load_config().items():
        assert name == f"{entry.pipeline}-{entry.encoding}"


def test_thresholds_are_read() -> None:
    thresholds = load_config()["tiny-llama-bfloat16"].thresholds
    assert (thresholds.kl_div, thresholds.cos_dist) == (1e-2, 1e-2)
    assert load_config()["tiny-llama-float32"].thresholds.kl_div == 1e-6


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
