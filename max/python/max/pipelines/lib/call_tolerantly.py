"""Calls the hooks of an architecture package with the arguments that they take."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def call_tolerantly(hook: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Calls a hook that packages write, whichever documented signature it has.

    The documentation shows `initialize_from_config` with two and with three arguments, weight
    adapters with and without keyword arguments, and constructors that leave some out. Hooks of our
    own get everything: one that does not know an argument is a mistake.

    Args:
        hook: the function, method or class.
        args: positional arguments; the last ones are left out when the hook takes fewer.
        kwargs: keyword arguments; those that the hook does not name are left out, unless it takes
            any.
    """
    if (getattr(hook, "__module__", None) or "").startswith("max."):
        return hook(*args, **kwargs)
    parameters = inspect.signature(hook).parameters.values()
    kinds = [p.kind for p in parameters]
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        positional = (
            inspect.Parameter.POSITIONAL_ONLY,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
        )
        args = args[: sum(kind in positional for kind in kinds)]
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        names = {p.name for p in parameters if p.kind is not inspect.Parameter.POSITIONAL_ONLY}
        kwargs = {name: value for name, value in kwargs.items() if name in names}
    return hook(*args, **kwargs)
