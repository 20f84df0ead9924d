"""Options that this release does not have are refused, whichever way they are given."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from max.pipelines.config.base import ConfigModel
from max.pipelines.config.unavailable import UNAVAILABLE, asks_for_nothing, unavailable_fields


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A configuration with two fields that are not available, `later` and `later_list`."""
    entry: Any = {"later": (2, 4), "later_list": ([],)}
    monkeypatch.setitem(UNAVAILABLE, "Options", entry)

    class Options(ConfigModel):
        ready: int = 1

    return Options


def test_defaults_of_unavailable_options_are_accepted(options: Any) -> None:
    made = options(ready=5, later=2, later_list=[])
    assert (made.ready, made.later, options(later=4).later) == (5, 2, 4)


def test_other_values_of_unavailable_options_are_refused_together(options: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        options(later=3, later_list=["a"])
    message = str(caught.value)
    assert "later=3 (--later) is not supported in this release" in message
    assert "leave it at its default, 2, or give 4" in message
    assert "later_list=['a'] (--later-list) is not supported" in message


def test_assignment_is_checked_too(options: Any) -> None:
    made = options()
    made.ready = 7
    with pytest.raises(ValidationError, match="later=3"):
        made.later = 3
    with pytest.raises(ValidationError, match="valid integer"):
        made.ready = "many"


def test_subclasses_have_them_too(options: Any) -> None:
    class More(options):  # type: ignore[misc]
        other: int = 1

    with pytest.raises(ValidationError, match="later=3"):
        More(later=3)
    assert unavailable_fields(More) == unavailable_fields(options)


def test_lists_of_two_configurations_are_two(options: Any) -> None:
    options().later_list.append("a")
    assert options().later_list == []


def test_numbers_are_no_truths() -> None:
    assert asks_for_nothing(False, (None, False))
    assert not asks_for_nothing(0, (None, False))


def test_unknown_fields_are_refused(options: Any) -> None:
    with pytest.raises(ValidationError, match="raedy"):
        options.model_validate({"raedy": 1})


def test_is_available_tells_the_two_kinds_apart(options: Any) -> None:
    assert options.is_available("ready")
    assert not options.is_available("later")
