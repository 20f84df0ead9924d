"""Tests of `max.pipelines.sampling.grammars.dates`: dates are those that Python knows too."""

from __future__ import annotations

import datetime
import json
from functools import cache
from typing import Any

import pytest
from llguidance import LLMatcher

from max.pipelines.sampling.grammars.dates import with_real_dates
from max.pipelines.sampling.grammars.texts import json_grammar
from tests.pipelines.sampling.grammars.byte_tokens import byte_tokenizer

YEARS = (0, 1, 4, 100, 400, 1000, 1900, 1996, 2000, 2023, 2024, 2100, 9382, 9996)
DATES = [
    f"{year:04d}-{month:02d}-{day:02d}"
    for year in YEARS
    for month in (0, 1, 2, 4, 10, 12, 13)
    for day in (0, 1, 28, 29, 30, 31, 32)
]


@cache
def compiled(schema: str) -> LLMatcher:
    matcher = LLMatcher(byte_tokenizer(), json_grammar(json.loads(schema)), log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    return matcher


def fits(schema: dict[str, Any], value: object) -> bool:
    matcher = compiled(json.dumps(schema)).deep_copy()
    return matcher.consume_tokens(list(json.dumps(value).encode())) and matcher.is_accepting()


def is_real(date: str) -> bool:
    try:
        return bool(datetime.date.fromisoformat(date))
    except ValueError:
        return False


@pytest.mark.parametrize(
    ("schema_format", "rest"),
    [("date", ""), ("date-time", "T23:59:59Z"), ("date-time", "t00:00:00.5-01:00")],
)
def test_dates_are_those_of_a_calendar(schema_format: str, rest: str) -> None:
    schema = {"type": "string", "format": schema_format}

    assert [date for date in DATES if fits(schema, date + rest)] == list(filter(is_real, DATES))


def test_what_else_a_schema_says_holds_too() -> None:
    schema = {
        "type": ["string", "null"],
        "format": "date",
        "pattern": "^2",
        "allOf": [{"minLength": 3}],
    }

    assert fits(schema, "2024-02-29")
    assert fits(schema, None)
    assert not fits(schema, "1996-02-29")
    assert not fits(schema, "2023-02-29")
    assert fits({"items": {"format": "date"}}, ["2024-02-29", 5])


def test_what_is_no_schema_stays_as_it_is() -> None:
    schema = {
        "properties": {"format": {"const": {"format": "date"}}},
        "enum": [{"format": "date"}],
        "items": [True, {"type": "string", "format": "time"}],
    }
    assert with_real_dates(schema) == schema


@pytest.mark.parametrize("name", ["default", "enum", "day"])
def test_a_property_may_be_named_like_a_keyword(name: str) -> None:
    date = {"type": "string", "format": "date"}
    for schema in ({"properties": {name: date}}, {"$defs": {name: date}}):
        (there,) = with_real_dates(schema).values()
        assert there == {name: with_real_dates(date)} != {name: date}
