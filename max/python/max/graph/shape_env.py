"""torch's symbolic sizes, without the compiler that comes along with them.

Making a `ShapeEnv` imports some small modules of `torch._dynamo`, and Python runs a package before
its modules: hundreds of modules of torch's compiler, half a second and 40 MB of every process that
builds a graph. None of them takes part. So the package gets its place without being run, and runs
when something else of it is asked for.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from types import FrameType, ModuleType
from typing import Any, ParamSpec, TypeVar

import torch
from torch.utils import _triton

_P = ParamSpec("_P")
_T = TypeVar("_T")

_PACKAGE = "torch._dynamo"
# What making sizes and fake tensors reads.
_NEEDED = tuple(f"{_PACKAGE}.{name}" for name in ("config", "exc", "source", "utils"))


class _Postponed(ModuleType):
    """A package that has not run yet. It runs when an attribute is asked for that is not there:
    its path is not, so importing another of its modules asks for one."""

    def __getattr__(self, name: str) -> Any:
        if name == "disable":
            return _disabled_later
        if name.startswith("__") and name != "__path__":
            raise AttributeError(f"module '{_PACKAGE}' has no attribute '{name}'")
        spec = self.__dict__["__spec__"]
        self.__class__ = ModuleType  # type: ignore[assignment]
        self.__path__ = spec.submodule_search_locations
        spec.loader.exec_module(self)
        _add_triton()
        return getattr(self, name)


def _disabled_later(function: Callable[_P, _T], *args: Any, **kwargs: Any) -> Callable[_P, _T]:
    """`torch._dynamo.disable`, which is for compilations: it has its effect once there are any."""
    package = sys.modules[_PACKAGE]
    disabled: Callable[_P, _T] | None = None

    @functools.wraps(function)
    def call(*call_args: _P.args, **call_kwargs: _P.kwargs) -> _T:
        nonlocal disabled
        if type(package) is _Postponed:
            return function(*call_args, **call_kwargs)
        if disabled is None:
            disabled = package.disable(function, *args, **kwargs)
        return disabled(*call_args, **call_kwargs)

    return call


def _add_triton() -> None:
    """What `torch._dynamo.utils` would have imported Triton for: a type that code to compile may
    have as a constant."""
    if _triton.has_triton_package():
        import triton.language

        utils: Any = sys.modules[f"{_PACKAGE}.utils"]
        utils.common_constant_types.add(triton.language.dtype)


def postpone_compiler() -> None:
    """Puts off running `torch._dynamo` until somebody compiles, unless it has run already.

    If torch's modules are not as expected nothing is put off: that only costs time.
    """
    spec = PathFinder.find_spec(_PACKAGE, torch.__path__)
    if _PACKAGE in sys.modules or spec is None or spec.submodule_search_locations is None:
        return
    before = set(sys.modules)
    package = module_from_spec(spec)
    package.__class__ = _Postponed
    sys.modules[_PACKAGE] = torch._dynamo = package
    triton_utils: Any = _triton
    has_triton, triton_utils.has_triton_package = triton_utils.has_triton_package, lambda: False
    try:
        for name in _NEEDED:
            importlib.import_module(name)
        sys.modules[f"{_PACKAGE}.utils"].has_triton_package = has_triton  # type: ignore[attr-defined]
    except (ImportError, AttributeError):
        for name in set(sys.modules) - before:
            if name.startswith(_PACKAGE):
                del sys.modules[name]
        del torch._dynamo
        return
    finally:
        triton_utils.has_triton_package = has_triton
    # From now on whoever wants more gets all.
    del package.__path__


postpone_compiler()

from torch.fx.experimental import symbolic_shapes  # noqa: E402


class ShapeEnv(symbolic_shapes.ShapeEnv):
    """torch's, but it does not look for the lines that make sizes, nor log them for a debugger of
    compilations: both take its compiler, and errors of graphs tell the line themselves."""

    def _get_user_frame(self) -> FrameType | None:
        return None

    def _log_create_unbacked_symbol(self, *args: object, **kwargs: object) -> None:
        pass

    def _log_guard(self, *args: object, **kwargs: object) -> None:
        pass
