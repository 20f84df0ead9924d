"""Sampling flags over the model's recommendation over the defaults."""

from __future__ import annotations

from dataclasses import fields

import pytest

from max.entrypoints.cli.sampling_options import make_sampling_params, sampling_options
from max.pipelines.config import ConfigurationError
from max.pipelines.context import SamplingParams

FROM_PYTHON_ONLY = {"logit_bias", "logits_processors"}


def test_every_parameter_has_a_flag() -> None:
    names = {option.name for option in sampling_options()}
    assert names == {field.name for field in fields(SamplingParams)} - FROM_PYTHON_ONLY


def test_order_of_precedence() -> None:
    params = make_sampling_params(
        {"temperature": 0.2, "top_k": None, "stop": ("a", "b")}, {"temperature": 0.6, "top_k": 20}
    )
    assert (params.temperature, params.top_k, params.top_p) == (0.2, 20, 1.0)
    assert params.max_new_tokens == 100
    assert list(params.stop or ()) == ["a", "b"]


def test_values_out_of_range() -> None:
    with pytest.raises(ConfigurationError, match=r"top_p is 2\.0.*\(--top-p\)"):
        make_sampling_params({"top_p": 2.0}, {})
