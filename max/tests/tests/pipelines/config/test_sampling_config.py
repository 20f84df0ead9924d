"""Tests of `max.pipelines.config.sampling_config`."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from max.pipelines.config import SamplingConfig


@pytest.mark.parametrize("backend", ["llguidance", "xgrammar"])
def test_either_backend_may_be_chosen(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("max.pipelines.config.sampling_config.find_spec", lambda _: "found")

    found = SamplingConfig.model_validate({"structured_output_backend": backend})
    assert found.structured_output_backend == backend


def test_a_backend_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("max.pipelines.config.sampling_config.find_spec", lambda _: None)

    with pytest.raises(ValidationError, match="pip install xgrammar"):
        SamplingConfig(structured_output_backend="xgrammar")


def test_other_backends_are_refused() -> None:
    with pytest.raises(ValidationError, match="llguidance"):
        SamplingConfig.model_validate({"structured_output_backend": "outlines"})
