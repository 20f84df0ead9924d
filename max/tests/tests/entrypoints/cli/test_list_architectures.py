"""`max list`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

from click.testing import Result

RunMax = Callable[..., Result]


def test_text(run_max: RunMax) -> None:
    lines = run_max("list").output.splitlines()
    start = lines.index("    Architecture: LlamaForCausalLM")
    assert lines[start + 1] == "         Example Huggingface Repo Ids: "
    assert lines[start + 2].startswith("              meta-llama/")
    assert "         Family: llama3" in lines[start:]
    assert "         Task: text_generation" in lines[start:]
    assert "         Encoding Supported: bfloat16" in lines[start:]


def test_json(run_max: RunMax) -> None:
    architectures = json.loads(run_max("list", "--json").output)["architectures"]
    assert {"LlamaForCausalLM", "Qwen2ForCausalLM"} <= set(architectures)
    llama = architectures["LlamaForCausalLM"]
    assert set(llama) == {"family", "tasks", "example_repo_ids", "supported_encodings"}
    assert (llama["family"], llama["tasks"]) == ("llama3", ["text_generation"])
    assert {"float32", "bfloat16"} <= set(llama["supported_encodings"])


def test_no_heavy_imports(child_environment: dict[str, str]) -> None:
    code = (
        "import sys\n"
        "from max.entrypoints.pipelines import main\n"
        "main(['list'], standalone_mode=False)\n"
        "print('heavy:', sorted({'torch', 'transformers'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=child_environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "heavy: []"
