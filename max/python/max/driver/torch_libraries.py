"""What makes importing torch quick.

A third of the time that it takes is the system's loader, which puts half a gigabyte of machine code
in its place. Importing keeps Python's lock meanwhile; a thread that asks the loader itself does
not, so what else a process has to do at its start costs no time of its own.
"""

from __future__ import annotations

import ctypes
import inspect
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

# In the order in which importing torch loads them, and with the first one's names for all.
_LIBRARIES = (("libtorch_global_deps.so", os.RTLD_GLOBAL), ("libtorch_cpu.so", os.RTLD_LOCAL))
# Python's that sympy needs and that are libraries themselves, or import such.
_EXTENSIONS = ("array", "cmath", "decimal", "random", "shutil", "subprocess", "unicodedata")
# The second one it would import when it first adds two sizes.
_PURE_PYTHON = ("sympy", "sympy.tensor.tensor")


def begin_loading_torch() -> None:
    """Begins to load them in a thread; nothing happens where they are not found (on macOS, say).

    The process does not end before the thread does: a library that is half loaded cannot be left.
    """
    spec = find_spec("torch")
    for folder in [] if spec is None else spec.submodule_search_locations or ():
        threading.Thread(target=_load, args=[Path(folder, "lib")], name="load-torch").start()


def load_torch_beside_sympy() -> None:
    """`begin_loading_torch`, and imports sympy meanwhile.

    The loader does one library after the other, so only modules of Python alone are imported
    beside it. Sympy's are the most of those that a graph needs.
    """
    for name in _EXTENSIONS:
        import_module(name)
    begin_loading_torch()
    for name in _PURE_PYTHON:
        import_module(name)


@contextmanager
def quick_module_lookup() -> Iterator[None]:
    """Finds the module of a frame by its globals, while torch and its ops are imported.

    Each op asks for the module that registers it, and `inspect.getmodule` goes through the files of
    all modules for that: a tenth of what importing torch takes.
    """
    search = inspect.getmodule

    def getmodule(object: object, _filename: str | None = None) -> ModuleType | None:
        if inspect.isframe(object):
            return sys.modules.get(object.f_globals.get("__name__", ""))
        return search(object, _filename)

    inspect.getmodule = getmodule
    try:
        yield
    finally:
        inspect.getmodule = search


def _load(folder: Path) -> None:
    load = ctypes.CDLL(None).dlopen  # not `ctypes.CDLL(path)`, which keeps Python's lock
    load.restype, load.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
    for name, scope in _LIBRARIES:
        if not load(os.fsencode(folder / name), os.RTLD_NOW | scope):
            return  # importing torch says what is wrong
