"""The kernels' tests once more, on kernels that are built with sanitizers.

AddressSanitizer finds reads and writes beyond what a kernel was given, UndefinedBehaviorSanitizer
what C++ does not define. They end the process that runs the tests.
"""

# build: data = ["//max/python/max/kernels:sources"]
# build: timeout = "eternal"

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

HERE = Path(__file__).resolve().parent
TESTS = sorted(
    path.name
    for path in HERE.glob("test_*.py")
    if path.name not in ("test_sanitizers.py", "test_speed.py", "test_native.py", "test_isa.py")
)
assert TESTS, f"no tests beside {__file__}"
FLAGS = "-fsanitize=address,undefined -fno-sanitize-recover=all -g1 -O1"


def library(name: str) -> str:
    """The path of one of the compiler's libraries."""
    compiler = os.environ.get("CXX", "c++")
    command = [compiler, f"-print-file-name={name}"]
    path = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(path).is_absolute():
        pytest.skip(f"{compiler} has no {name}")
    return path


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of a process that builds kernels with sanitizers, and may load them."""
    return {
        **os.environ,
        "CXXFLAGS": FLAGS,
        "MODULAR_MAX_CACHE_DIR": str(tmp_path_factory.mktemp("sanitized")),
        # The C++ library too: torch throws before the sanitizer would have found it.
        "LD_PRELOAD": f"{library('libasan.so')} {library('libstdc++.so.6')}",
        "ASAN_OPTIONS": "detect_leaks=0",  # Python keeps what it has
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", TESTS)
def test_kernels_stay_within_their_memory(name: str, environment: dict[str, str]) -> None:
    options = ("-q", "-x", "-s", "-p", "no:cacheprovider", "-m", "not bench and not slow")
    done = run(environment, "-m", "pytest", *options, "--timeout=1200", str(HERE / name))
    assert done.returncode == 0, f"{done.stdout[-5000:]}\n{done.stderr[-5000:]}"


TOO_FEW_ROWS = """
import ctypes, torch
from max.kernels.native import load_kernel
from max.kernels.layouts import Panels
rows, packed = torch.ones(63, 64), torch.empty(64, 64)
Panels(64, 64, "float32").place(rows, packed.view(torch.uint8).view(-1))
"""


def test_sanitizers_see_the_kernels(environment: dict[str, str]) -> None:
    done = run(environment, "-c", TOO_FEW_ROWS)
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr
