"""Torch's libraries are in their place before torch is imported, and importing it works."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

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
