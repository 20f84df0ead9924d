"""What holds for every test: where the package is, how many threads it takes, how it draws data."""

from __future__ import annotations

import gc
import os
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture import engine

# Modules stay: looking for garbage among them takes a quarter of a short test's time.
gc.disable()

IMPORT_ROOTS = [str(Path(__file__).parents[1] / "python"), str(Path(__file__).parent)]

# Programs that a test starts import the same tree as the test.
_inherited = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
os.environ["PYTHONPATH"] = os.pathsep.join(
    [*(root for root in IMPORT_ROOTS if root not in _inherited), *_inherited]
)

# Test targets run side by side: set before torch is imported, which reads it once.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Without a GPU, Triton's kernels run in its interpreter; read when triton is imported, which others
# may do before a kernel does.
os.environ.setdefault("TRITON_INTERPRET", "1")

# The same examples in every run, however busy the machine is. One failure is shown, and no search
# is made for what else in it does not matter: each takes as long as the shrinking before it.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    report_multiple_bugs=False,
    phases=[phase for phase in Phase if phase is not Phase.explain],
)
# An example that could be smaller tells more than a test that is ended while it is shrunk: that is
# after 120 s, of which the last run of the example, which prints it, needs some.
engine.MAX_SHRINKING_SECONDS = 20
settings.load_profile("repeatable")


def pytest_collection_finish() -> None:
    """All is imported."""
    gc.freeze()
    gc.enable()
