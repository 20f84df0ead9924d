from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pytest

from max.pipelines.lib.symbols import Symbol, is_symbol_name, load_symbol, module_of


@dataclass
class Described:
    kind: Symbol[type] = Symbol()
    first: Symbol[type] = Symbol()
    make: Symbol[Callable[..., object] | None] = Symbol(None)
    table: Symbol[Mapping[str, type]] = Symbol({})


NAME = "collections:OrderedDict"


def test_a_field_takes_a_value_or_its_name() -> None:
    for given in (OrderedDict, NAME):
        assert Described(given, dict).kind is OrderedDict
    assert Described(dict, dict, make=NAME).make is OrderedDict
    table = Described(dict, dict, table={"a": NAME, "b": dict}).table
    assert table == {"a": OrderedDict, "b": dict}
    assert replace(Described(NAME, dict), first=NAME).first is OrderedDict


def test_fields_without_a_default_are_required() -> None:
    assert (Described(dict, dict).make, Described(dict, dict).table) == (None, {})
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'first'"):
        Described(dict)


def test_nothing_is_imported_before_it_is_read() -> None:
    mine = Described("no.such.module:Thing", dict)
    assert vars(mine)["kind"] == "no.such.module:Thing"
    with pytest.raises(ModuleNotFoundError, match="no"):
        _ = mine.kind


def test_where_values_come_from_is_known_also_when_they_were_read() -> None:
    mine = Described(NAME, dict)
    assert mine.kind is OrderedDict and module_of(vars(mine)["kind"]) == "collections"
    assert module_of(OrderedDict) == "collections"
    mine.kind = "no.such.module:Thing"
    with pytest.raises(ModuleNotFoundError, match="no"):
        _ = mine.kind


@pytest.mark.parametrize(
    ("value", "expected"),
    [(NAME, True), ("OrderedDict", False), ("a:b:c", False), ("C:\\x", False), (dict, False)],
)
def test_what_is_a_name(value: object, expected: bool) -> None:
    assert is_symbol_name(value) is expected


def test_a_name_of_nothing() -> None:
    with pytest.raises(ValueError, match=r"'collections:Missing' names nothing: .*does not define"):
        load_symbol("collections:Missing")
