from __future__ import annotations

import subprocess
import sys


def test_headers_are_read_without_torch() -> None:
    code = (
        "import sys, max.graph.weights.headers.gguf_types, max.graph.weights.headers.safetensors;"
        "import max.pipelines.checkpoint.weight_files;"
        "print('torch' in sys.modules, 'sympy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False False\n", done.stderr
