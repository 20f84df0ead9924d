"""Importing and building a configuration leaves the heavy libraries alone."""

from __future__ import annotations

import subprocess
import sys


def test_no_heavy_imports(child_environment: dict[str, str]) -> None:
    code = (
        "import sys\n"
        "from max.pipelines.config import PipelineConfig\n"
        "PipelineConfig.from_flat_kwargs(model='org/name', devices='cpu')\n"
        "print(sorted({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=child_environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
