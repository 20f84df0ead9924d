"""What a KV cache of fewer bits costs, beside llama.cpp's.

    python -m integration.tools.compare_cache_formats --llama-cpp llama.cpp/build/bin

KL divergence in nats per token from the same engine with a cache in float32: of the demo, made
wider, as a GGUF file in float32 for both engines; of tiny models with random weights on ours.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt

from integration.test_common.logit_metrics import kl_divergence
from integration.test_common.step_runner import StepRunner
from integration.test_common.tiny_checkpoints import cached_checkpoint
from integration.test_common.tiny_families import TINY_FAMILIES
from integration.test_common.tiny_gguf import write_gguf
from integration.test_common.tiny_models import TINY_MODELS
from integration.test_common.torch_reference import Logits
from integration.test_common.widened_demo import write_widened_demo
from integration.tools.compare_gguf_types import LlamaCpp, LogProbabilities, write_problems
from max.benchmark.table import markdown

FORMATS = ("bfloat16", "int8", "float8_e4m3fn")
_OF_LLAMA_CPP = ("f16", "q8_0")
# Heads of 64 and of 128, keys of which some are normed, windows, latents.
_TINY = ("tiny-llama-head64", "tiny-llama-head128", "tiny-qwen3", "tiny-gemma3", "tiny-deepseek_v2")
_TOKENS = 200


def logits_of(folder: Path, cache: str, prompts: Sequence[Sequence[int]]) -> Logits:
    """After every token of every prompt, with a cache of a format: [tokens, vocab]."""
    runner = StepRunner(folder, "float32", page_size=128, kv_cache_format=cache)
    rows = []
    for prompt in prompts:
        request = runner.start(prompt)
        runner.finish_prompt(request, len(prompt))
        runner.end(request)
        rows.append(request.logits)
    return np.concatenate(rows)


def losses_of(folder: Path, prompts: Sequence[Sequence[int]]) -> list[float]:
    """Mean KL divergences of the formats."""
    exact = logits_of(folder, "float32", prompts)
    return [
        float(kl_divergence(exact, logits_of(folder, each, prompts)).mean()) for each in FORMATS
    ]


def prompts_of(found: LogProbabilities) -> list[list[int]]:
    """What llama.cpp computed: every chunk with the beginning of the text's token."""
    chunks: npt.NDArray[np.int32] = found.chunks.copy()
    chunks[:, 0] = chunks[0, 0]
    return [[int(token) for token in chunk] for chunk in chunks]


def of_demo(peer: LlamaCpp, scratch: Path) -> list[list[str]]:
    """Rows of the table: the demo's on ours, then on llama.cpp."""
    folder = write_widened_demo(scratch / "demo")
    file = write_gguf(folder, scratch / "demo.gguf", tokenizer_pre="llama-bpe")
    text = write_problems(scratch / "text")
    exact = peer.log_probabilities(file, text, "f32")
    ours = losses_of(folder, prompts_of(exact))
    theirs = [
        float(kl_divergence(exact.values, peer.log_probabilities(file, text, each).values).mean())
        for each in _OF_LLAMA_CPP
    ]
    return [["demo", *written(ours)], ["demo, llama.cpp's f16 and q8_0", *written(theirs), ""]]


def of_tiny_models() -> list[list[str]]:
    """Rows of the table, of random tokens."""
    models = {each.name: each for each in (*TINY_MODELS.values(), *TINY_FAMILIES.values())}
    tokens = np.random.default_rng(0).integers(3, 90, (4, _TOKENS))
    prompts = [[int(token) for token in row] for row in tokens]
    return [[name, *written(losses_of(cached_checkpoint(models[name]), prompts))] for name in _TINY]


def written(losses: Sequence[float]) -> list[str]:
    """With two digits."""
    return [f"{loss:.1e}" for loss in losses]


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--llama-cpp", "binaries", type=click.Path(path_type=Path), required=True)
def main(binaries: Path) -> None:
    """Measures, and prints a table."""
    with tempfile.TemporaryDirectory() as name:
        rows = of_demo(LlamaCpp(binaries), Path(name)) + of_tiny_models()
    click.echo(markdown(["model", *FORMATS], rows))


if __name__ == "__main__":
    main()
