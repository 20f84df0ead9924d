"""Sampling parameters are plain data within their ranges."""

from __future__ import annotations

import pickle
from typing import Any, cast

import msgspec
import pytest

from max.pipelines.context import InputError, SamplingParams


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("top_k", -2),
        ("top_p", 0.0),
        ("top_p", 1.01),
        ("top_p", float("nan")),
        ("min_p", -0.1),
        ("min_p", 1.1),
        ("temperature", -0.1),
        ("temperature", float("inf")),
        ("temperature", float("nan")),
        ("frequency_penalty", 2.1),
        ("presence_penalty", -2.1),
        ("repetition_penalty", 0.0),
        ("repetition_penalty", float("inf")),
        ("max_new_tokens", 0),
        ("min_new_tokens", -1),
        ("seed", 2**63),
        ("stop", [""]),
        ("stop_token_ids", [-1]),
        ("logit_bias", {-1: 1.0}),
        ("logit_bias", {1: 101.0}),
    ],
)
def test_value_out_of_range_names_the_field(field: str, value: object) -> None:
    arguments: dict[str, Any] = {field: value}
    with pytest.raises(InputError, match=rf"^{field} is .*; allowed is: ") as caught:
        SamplingParams(**arguments)
    assert caught.value.param == field


@pytest.mark.parametrize(
    "arguments",
    [
        {"top_k": -1},
        {"top_p": 1e-9},
        {"min_p": 1.0},
        {"temperature": 0.0},
        {"temperature": 100.0},
        {"frequency_penalty": -2.0, "presence_penalty": 2.0},
        {"repetition_penalty": 0.5},
        {"max_new_tokens": 3, "min_new_tokens": 3},
        {"seed": -(2**63)},
        {"logit_bias": {0: -100.0}},
    ],
)
def test_limits_of_the_ranges_are_allowed(arguments: dict[str, Any]) -> None:
    params = SamplingParams(**arguments)
    assert {name: getattr(params, name) for name in arguments} == arguments


def test_more_tokens_at_least_than_at_most() -> None:
    with pytest.raises(InputError, match=r"min_new_tokens is 5; .* max_new_tokens \(4\)"):
        SamplingParams(min_new_tokens=5, max_new_tokens=4)


def test_sequences_have_one_form() -> None:
    params = SamplingParams(stop="end", stop_token_ids=[1, 2], logit_bias={})
    assert (params.stop, params.stop_token_ids, params.logit_bias) == (("end",), (1, 2), None)
    assert SamplingParams(stop=[]).stop is None
    assert SamplingParams(stop=["a", "b"]) == SamplingParams(stop=("a", "b"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [({}, False), ({"temperature": 0}, True), ({"top_k": 1}, True), ({"top_k": 2}, False)],
)
def test_greedy(arguments: dict[str, Any], expected: bool) -> None:
    assert SamplingParams(**arguments).is_greedy is expected


def test_seed_is_drawn_when_none_is_given() -> None:
    params = SamplingParams(top_k=5)
    drawn = params.with_seed()
    assert params.seed is None and drawn.seed is not None and drawn.top_k == 5
    assert drawn.seed != params.with_seed().seed
    assert drawn.with_seed() is drawn


def test_params_cross_processes() -> None:
    params = SamplingParams(
        top_k=5, stop=["end"], stop_token_ids=[7], logit_bias={3: 1.5}, seed=2**63 - 1
    )
    encoded = msgspec.msgpack.encode(params)
    assert msgspec.msgpack.decode(encoded, type=SamplingParams) == params
    assert pickle.loads(pickle.dumps(params)) == params


def test_functions_do_not_cross_processes_unnoticed() -> None:
    params = SamplingParams(logits_processors=[print])
    with pytest.raises(TypeError, match="unsupported"):
        msgspec.msgpack.encode(params)


def test_what_says_nothing() -> None:
    """None is as not given; 0 is all tokens, which is -1; temperature 0 is the likeliest token."""
    params = SamplingParams(top_k=None, top_p=None)  # type: ignore[arg-type]
    assert (params.top_k, params.top_p) == (-1, 1.0)
    assert SamplingParams(top_k=0).top_k == -1
    assert SamplingParams(temperature=0).top_k == 1
    assert SamplingParams(temperature=0, top_k=5).top_k == 5


@pytest.mark.parametrize("name", ["top_k", "max_new_tokens", "min_new_tokens", "seed"])
def test_bools_are_no_numbers(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} is True; allowed is: a whole number"):
        SamplingParams(**cast("dict[str, Any]", {name: True}))
