"""Values that are named by "module:Symbol", and imported when they are needed."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")

_NAME = re.compile(r"[\w.]+:\w+")


def is_symbol_name(value: object) -> bool:
    """Whether a value is a text of the form "module:Symbol"."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def load_symbol(name: str) -> Any:
    """What "module:Symbol" names. An exception inside the module passes through as it is.

    Raises:
        ValueError: if the module has no such name.
    """
    path, _, symbol = name.partition(":")
    module = importlib.import_module(path)
    if not hasattr(module, symbol):
        raise ValueError(f"'{name}' names nothing: {module.__file__} does not define {symbol}")
    return getattr(module, symbol)


def module_of(given: Any) -> str:
    """The module that a name names, or that defines a class or function; imports none."""
    return given.partition(":")[0] if is_symbol_name(given) else str(given.__module__)


class Symbol(Generic[T]):
    """A dataclass field that takes a value or its name; reading it gives the value.

    Of a mapping, the values may be names. `vars` of the instance has what was given.

    Args:
        default: when nothing is given; none unless given.
    """

    def __init__(self, *default: T | str) -> None:
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Self | T:
        if instance is None:  # the dataclass asks for the default, and hands it to __set__
            if not self._default:
                raise AttributeError(self._name)
            return self
        fields, loaded = vars(instance), f"{self._name}, loaded"
        if loaded not in fields:
            fields[loaded] = _loaded(fields[self._name])
        value: T = fields[loaded]
        return value

    def __set__(self, instance: object, value: T | str | Mapping[Any, Any]) -> None:
        vars(instance).pop(f"{self._name}, loaded", None)
        vars(instance)[self._name] = self._default[0] if isinstance(value, Symbol) else value


def _loaded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _loaded(each) for key, each in value.items()}
    return load_symbol(value) if is_symbol_name(value) else value
