"""Options that this release does not have are refused, whichever way they are given."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from max.pipelines.config.base import ConfigModel, NotInThisRelease


class Options(ConfigModel):
    ready: int = 1
    later: Annotated[int, NotInThisRelease()] = 2
    later_list: Annotated[list[str], NotInThisRelease()] = Field(default_factory=list)


def test_defaults_of_unavailable_options_are_accepted() -> None:
    assert Options(ready=5, later=2, later_list=[]).ready == 5


def test_other_values_of_unavailable_options_are_refused_together() -> None:
    with pytest.raises(ValidationError) as caught:
        Options(later=3, later_list=["a"])
    message = str(caught.value)
    assert "later=3 (--later) is not supported in this release" in message
    assert "leave it at its default, 2" in message
    assert "later_list=['a'] (--later-list) is not supported" in message


def test_assignment_is_checked_too() -> None:
    options = Options()
    options.ready = 7
    with pytest.raises(ValidationError, match="later=3"):
        options.later = 3
    with pytest.raises(ValidationError, match="valid integer"):
        options.ready = "many"  # type: ignore[assignment]


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ValidationError, match="raedy"):
        Options.model_validate({"raedy": 1})


def test_is_available_tells_the_two_kinds_apart() -> None:
    assert Options.is_available("ready")
    assert not Options.is_available("later")
