"""Torch's libraries, loaded before anybody imports torch.

A third of the time that importing torch takes is the system's loader, which puts half a gigabyte of
machine code in its place. Importing keeps Python's lock meanwhile; a thread that asks the loader
itself does not, so what else a process has to do at its start costs no time of its own.
"""

from __future__ import annotations

import ctypes
import os
import threading
from importlib.util import find_spec
from pathlib import Path

# In the order in which importing torch loads them, and with the first one's names for all.
_LIBRARIES = (("libtorch_global_deps.so", os.RTLD_GLOBAL), ("libtorch_cpu.so", os.RTLD_LOCAL))


def begin_loading_torch() -> None:
    """Begins to load them in a thread; nothing happens where they are not found (on macOS, say).

    The process does not end before the thread does: a library that is half loaded cannot be left.
    """
    spec = find_spec("torch")
    for folder in [] if spec is None else spec.submodule_search_locations or ():
        threading.Thread(target=_load, args=[Path(folder, "lib")], name="load-torch").start()


def _load(folder: Path) -> None:
    load = ctypes.CDLL(None).dlopen  # not `ctypes.CDLL(path)`, which keeps Python's lock
    load.restype, load.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
    for name, scope in _LIBRARIES:
        if not load(os.fsencode(folder / name), os.RTLD_NOW | scope):
            return  # importing torch says what is wrong
