"""Loading a model takes little more memory than the model."""

# build: size = "large"
# build: data = ["loading_memory.py"]

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_gguf import write_gguf
from integration.test_common.tiny_gguf_experts import write_gguf_with_experts
from integration.test_common.tiny_models import TinyModel

SCRIPT = Path(__file__).with_name("loading_memory.py")
# 96 million weights; the demo takes tens of MB to load: what is compiled, and a page of KV.
MODEL = TinyModel(
    name="large",
    family="llama",
    hidden_size=1024,
    intermediate_size=2816,
    num_attention_heads=16,
    num_key_value_heads=8,
    head_dim=64,
    num_hidden_layers=8,
    dtype="bfloat16",
    tie_word_embeddings=True,
)
# 113 million weights; a matrix of all experts of a layer is 2 % of them.
EXPERTS = TinyModel(
    name="large-experts",
    family="qwen3_moe",
    config_cls="Qwen3MoeConfig",
    hidden_size=512,
    intermediate_size=512,
    num_attention_heads=8,
    num_key_value_heads=4,
    head_dim=64,
    num_hidden_layers=16,
    dtype="bfloat16",
    settings={"num_experts": 32, "num_experts_per_tok": 4, "moe_intermediate_size": 128},
)
FIXED = 100 * 2**20


def peak_of(folder: Path, encoding: str) -> int:
    """Bytes that loading takes at its peak, in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), encoding],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(MODEL, tmp_path_factory.mktemp("large") / "model")


@pytest.mark.slow
@pytest.mark.parametrize(("encoding", "factor"), [("bfloat16", 1), ("float32", 2), ("q8_0", 1)])
def test_checkpoints(checkpoint: Path, encoding: str, factor: int) -> None:
    """The peak is below 1.2 times the weights as they are computed with (q8_0: as they were)."""
    weights = (checkpoint / "model.safetensors").stat().st_size * factor
    peak = peak_of(checkpoint, encoding)
    print(f"\n{encoding}: {peak / 2**20:.0f} MiB for {weights / 2**20:.0f} MiB of weights")
    assert peak < 1.2 * weights + FIXED


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["bfloat16", "q8_0"])
def test_experts(tmp_path: Path, encoding: str) -> None:
    """Stacks are made one at a time, and forgotten when they are placed."""
    file = make_checkpoint(EXPERTS, tmp_path / "model") / "model.safetensors"
    weights, peak = file.stat().st_size, peak_of(file.parent, encoding)
    print(f"\n{encoding}: {peak / 2**20:.0f} MiB for {weights / 2**20:.0f} MiB of weights")
    assert peak < 1.2 * weights + FIXED


@pytest.mark.slow
def test_experts_of_gguf_files(tmp_path: Path) -> None:
    checkpoint = make_checkpoint(EXPERTS, tmp_path / "model")
    (tmp_path / "gguf").mkdir()
    file = write_gguf_with_experts(checkpoint, tmp_path / "gguf" / "model.gguf", "q8_0")
    weights, peak = file.stat().st_size, peak_of(file.parent, "auto")
    print(f"\nq8_0: {peak / 2**20:.0f} MiB for {weights / 2**20:.0f} MiB of weights")
    assert peak < 1.2 * weights + FIXED


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["q4_k", "q8_0"])
def test_gguf_files(checkpoint: Path, tmp_path: Path, encoding: str) -> None:
    file = write_gguf(checkpoint, tmp_path / f"model-{encoding}.gguf", encoding)
    weights, peak = file.stat().st_size, peak_of(tmp_path, "auto")
    print(f"\n{encoding}: {peak / 2**20:.0f} MiB for {weights / 2**20:.0f} MiB of weights")
    assert peak < 1.2 * weights + FIXED
