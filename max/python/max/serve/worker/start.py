"""Where the model worker's process begins: with what takes long and waits for nobody."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from max.driver.torch_libraries import load_torch_beside_sympy

if TYPE_CHECKING:
    from max.serve.endpoint_folder import Endpoints
    from max.serve.logs import LogSettings


def start_worker(endpoints: Endpoints, preload: Sequence[str], logs: LogSettings) -> None:
    """Runs `max.serve.worker.process.run_worker`, whose modules are imported while the system
    loads torch's libraries."""
    # Threads of torch's kernels sleep between them instead of spinning: the API process needs the
    # cores too. OpenMP, one of those libraries, reads this when it is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    load_torch_beside_sympy()
    from max.serve.worker.process import run_worker

    run_worker(endpoints, preload, logs)
