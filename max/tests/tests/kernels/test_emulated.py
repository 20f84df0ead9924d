"""The kernels of aarch64: NEON, and its products of bytes.

Cross-compiled, and run in an emulator by the tests that the kernels of this machine pass.
"""

# build: data = ["//max/python/max/kernels:sources"]
# build: timeout = "eternal"

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from max.kernels import native
from max.kernels.isa import COMPILER_FLAGS, Isa
from tests.kernels.cpu_kernels import EMULATE
from tests.kernels.emulated import COMPILER, EMULATED_ISAS, can_emulate

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        not can_emulate(), reason="needs Debian's g++-aarch64-linux-gnu and qemu-user"
    ),
]
HERE = Path(__file__).resolve().parent
KERNELS = sorted(path.parent for path in Path(native.__file__).parent.glob("*/cpu.cpp"))
# Those of `cpu_kernels`.
TESTS = sorted(
    path.stem.removeprefix("test_")
    for path in HERE.glob("test_*.py")
    if "import cpu_kernels" in path.read_text()
)
assert TESTS, f"no tests beside {__file__}"


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda path: path.name)
@pytest.mark.parametrize("isa", EMULATED_ISAS)
def test_every_kernel_compiles_without_a_warning(kernel: Path, isa: Isa) -> None:
    flags = ("-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", *COMPILER_FLAGS[isa])
    done = subprocess.run((COMPILER, *flags, str(kernel / "cpu.cpp")), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("name", TESTS)
def test_kernels_pass_their_tests(name: str) -> None:
    options = (
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-m",
        "not bench and not slow",
        "--timeout=1200",
    )
    chosen = ("-k", "aarch64")
    done = subprocess.run(
        (sys.executable, "-m", "pytest", *options, *chosen, str(HERE / f"test_{name}.py")),
        env=os.environ | {EMULATE: "1", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-5000:]}\n{done.stderr[-5000:]}"
