"""The benchmark takes no memory and no start-up time that its server could use."""

from __future__ import annotations

import os
import subprocess
import sys

HEAVY = ("torch", "transformers", "huggingface_hub", "matplotlib", "max.serve")


def test_nothing_heavy_is_imported() -> None:
    program = f"import sys, max.benchmark.run; print([m for m in {HEAVY} if m in sys.modules])"
    output = subprocess.check_output(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    )
    assert output == "[]\n"
