"""Torch's libraries are in their place before torch is imported, and importing it works."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys

import pytest

from max.driver.torch_libraries import quick_module_lookup

_CODE = """
import sys, threading
from max.driver.torch_libraries import begin_loading_torch
begin_loading_torch()
for thread in threading.enumerate():
    if thread.name == "load-torch":
        thread.join()
loaded = "libtorch_cpu.so" in open("/proc/self/maps").read()
print(loaded, "torch" in sys.modules)
import torch
print(int(torch.arange(4).sum()))
"""


_EXTENSIONS_OF_SYMPY = """
import sys
from importlib import import_module
from max.driver import torch_libraries

def libraries():
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    return {name for name, file in files.items() if file and file.endswith(".so")}

found = []
torch_libraries.begin_loading_torch = lambda: found.append(libraries())
torch_libraries.load_torch_beside_sympy()
print("sympy" in sys.modules, *(libraries() - found[0]))
"""


def run_python(code: str) -> list[str]:
    """The words that another interpreter prints, which finds the modules that this one does."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what is loaded")
def test_libraries_are_loaded_without_importing_torch() -> None:
    assert run_python(_CODE) == ["True", "False", "6"]


def test_without_torch_nothing_happens() -> None:
    code = (
        "import importlib.util, threading\n"
        "importlib.util.find_spec = lambda name: None\n"
        "from max.driver.torch_libraries import begin_loading_torch\n"
        "begin_loading_torch()\n"
        "print(threading.active_count())\n"
    )
    assert run_python(code) == ["1"]


@pytest.mark.parametrize("seconds", [0.0, 0.05])
def test_a_process_that_ends_meanwhile_ends_well(seconds: float) -> None:
    code = (
        "import time\n"
        "from max.driver.torch_libraries import begin_loading_torch\n"
        "begin_loading_torch()\n"
        f"time.sleep({seconds})\n"
        "print('done')\n"
    )
    assert run_python(code) == ["done"]


def test_beside_the_loader_no_library_is_loaded() -> None:
    # It would wait for the other one.
    assert run_python(_EXTENSIONS_OF_SYMPY) == ["True"]


def test_the_module_of_a_frame_is_found_as_inspect_finds_it() -> None:
    search = inspect.getmodule
    frame = inspect.currentframe()
    with quick_module_lookup():
        found = [inspect.getmodule(frame), inspect.getmodule(quick_module_lookup)]
    assert found == [search(frame), search(quick_module_lookup)]
    assert found[0] is sys.modules[__name__]
    assert inspect.getmodule is search
