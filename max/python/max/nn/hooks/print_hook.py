"""Prints what every layer of a model is given and gives."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from max.graph import TensorValue, ops
from max.nn.attention import Attention
from max.nn.cached_layer import CachedLayer
from max.nn.module import Module
from max.nn.transformer import Transformer

logger = logging.getLogger("max.nn")

# The root has no path of its own.
ROOT = "model"


class PrintHook:
    """Prints tensors by the path of their layer each time that the model runs.

        hook = PrintHook()
        hook.name_layers(decoder)
        ...  # build the graph: `layers.0.mlp-input`, `layers.0.mlp-output`, ... are printed in it
        hook.remove()

    What is printed of layer X: `X-input`, its first tensor of floating point numbers; `X-output`,
    or `X-output.0`, `X-output.1` where it gives several; of an attention also `X.attend-q`,
    `X.attend-k`, `X.attend-v`, as they are before they are turned, and `X.attend-output`. The root
    is called `model`.

    `session.set_debug_print_options("BINARY_MAX_CHECKPOINT", output_directory=...)` writes them to
    files instead, which `max.driver.load_max_buffer` reads.

    Args:
        export_path: accepted for packages that pass it; where files go is the session's to say.
        filter: paths of the layers to print, as shell patterns (`layers.0.*`); all unless given.
    """

    def __init__(
        self, export_path: str | None = None, filter: str | Sequence[str] | None = None
    ) -> None:
        if export_path is not None:
            logger.warning(
                "PrintHook writes no files (export_path '%s'): "
                'session.set_debug_print_options("BINARY_MAX_CHECKPOINT", output_directory=...)',
                export_path,
            )
        self._patterns = [filter] if isinstance(filter, str) else filter
        self._classes: list[tuple[Module, type[Module]]] = []

    def name_layers(self, model: Module) -> None:
        """Watches the layers of a model, by their paths from it; call it before the graph is built.

        Layers that belong to several others are known by their first path.
        """
        watched = {id(module) for module, _ in self._classes}
        for path, module in _layers(model, ""):
            if id(module) in watched or not self._is_wanted(path or ROOT):
                continue
            watched.add(id(module))
            self._classes.append((module, type(module)))
            _watch(module, path or ROOT, self)

    def remove(self) -> None:
        """Leaves the layers as they were."""
        for module, own_class in self._classes:
            module.__class__ = own_class
        self._classes.clear()

    def print_value(self, name: str, value: Any) -> bool:
        """Prints a value if it is a tensor of floating point numbers; whether it is."""
        if not _is_floating(value):
            return False
        ops.print(value, name)
        return True

    def _is_wanted(self, path: str) -> bool:
        return self._patterns is None or any(fnmatchcase(path, p) for p in self._patterns)


def _layers(module: Module, path: str) -> Iterator[tuple[str, Module]]:
    yield path, module
    for name, layer in module.sublayers.items():
        yield from _layers(layer, f"{path}.{name}" if path else name)


def _watch(module: Module, path: str, hook: PrintHook) -> None:
    """Gives one module a class of its own, whose methods print.

    A module's class is what Python looks its call up in, and what `run_layer` and `run_decoder`
    choose the method by that they call.
    """
    own_class = type(module)
    methods = {_entry(own_class): _printing(own_class, _entry(own_class), path, hook)}
    if isinstance(module, Attention):
        methods["attend"] = _printing_attend(own_class, path, hook)
    module.__class__ = type(own_class.__name__, (own_class,), methods)


def _entry(cls: type[Module]) -> str:
    """The method by which layers of a class are run."""
    if issubclass(cls, CachedLayer) and cls.__call__ is CachedLayer.__call__:
        return "forward"
    if issubclass(cls, Transformer) and cls.__call__ is Transformer.__call__:
        return "decode"
    return "__call__"


def _printing(cls: type[Module], method: str, path: str, hook: PrintHook) -> Callable[..., Any]:
    compute: Callable[..., Any] = getattr(cls, method)

    def run(self: Module, *args: Any, **kwargs: Any) -> Any:
        given = next((a for a in (*args, *kwargs.values()) if _is_floating(a)), None)
        hook.print_value(f"{path}-input", given)
        result = compute(self, *args, **kwargs)
        if not hook.print_value(f"{path}-output", result) and isinstance(result, tuple):
            for index, each in enumerate(result):
                hook.print_value(f"{path}-output.{index}", each)
        return result

    return run


def _printing_attend(cls: type[Module], path: str, hook: PrintHook) -> Callable[..., Any]:
    attend: Callable[..., Any] = getattr(cls, "attend")  # noqa: B009

    def run(self: Module, qkv: Sequence[TensorValue], *args: Any) -> Any:
        for name, value in zip("qkv", qkv, strict=False):
            hook.print_value(f"{path}.attend-{name}", value)
        result = attend(self, qkv, *args)
        hook.print_value(f"{path}.attend-output", result)
        return result

    return run


def _is_floating(value: Any) -> bool:
    return isinstance(value, TensorValue) and value.dtype.is_float()
