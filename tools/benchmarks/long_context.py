"""Compares decoding after a long context with llama.cpp's, for layers like Gemma 3's.

python3 -m tools.benchmarks.long_context --llama-bench FILE [--context TOKENS] [--rounds N]
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import click

from tools.benchmarks.offline.random_models import write_random_model
from tools.benchmarks.page_sections import where_measured, write_section
from tools.build.imports import workspace_root

PAGE = Path("docs", "benchmarks", "families.md")
_ABOUT = """A period of Gemma 3 1B's layers (five of six see 512 tokens) in bfloat16, one GGUF file
for both engines: decoding at the end of a long prompt, and what the cache takes then. llama.cpp is
measured by its llama-bench, right after.

    python3 -m tools.benchmarks.long_context --llama-bench FILE --write
"""
_MODEL = "gemma3-1b-layers"
_STEPS = 33


class Ours(NamedTuple):
    """What our engine needs: a decoding step's seconds, and the cache's bytes while decoding."""

    seconds: float
    cache_bytes: int
    unwindowed_bytes: int


@click.command()
@click.option(
    "--llama-bench", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--context", type=click.IntRange(min=128), default=32768, show_default=True)
@click.option("--rounds", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), default=2, show_default=True)
@click.option("--write", is_flag=True, help=f"Put the table into {PAGE}.")
def main(llama_bench: Path, context: int, rounds: int, threads: int, write: bool) -> None:
    """Both engines read one GGUF file in bfloat16: a whole period of layers of Gemma 3 1B."""
    ours: list[Ours] = []
    theirs: list[float] = []
    with (
        tempfile.TemporaryDirectory() as scratch,
        ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool,
    ):
        folder = pool.submit(write_random_model, _MODEL, Path(scratch, "model")).result()
        file = pool.submit(write_gguf, folder, Path(scratch, "model.gguf")).result()
        for _ in range(rounds):
            ours.append(pool.submit(measure, folder, file, context).result())
            theirs.append(_llama_cpp(llama_bench, file, context, threads))
            click.echo(f"{1 / ours[-1].seconds:.1f} and {theirs[-1]:.1f} tok/s", err=True)
    ratio = statistics.median(1 / a.seconds / b for a, b in zip(ours, theirs, strict=True))
    rate = statistics.median(1 / each.seconds for each in ours)
    table = (
        "| context | decode, tok/s | llama.cpp | ratio | cache, MB | without windows, MB |\n"
        "| ---: | ---: | ---: | ---: | ---: | ---: |\n"
        f"| {context:,} | {rate:.1f} | {statistics.median(theirs):.1f} | {ratio:.2f}x | "
        f"{ours[0].cache_bytes / 1e6:.1f} | {ours[0].unwindowed_bytes / 1e6:.1f} |"
    )
    click.echo(table)
    if write:
        text = f"{_ABOUT}\n{where_measured()}, {rounds} rounds.\n\n{table}"
        write_section(workspace_root() / PAGE, "Long contexts", text)


def write_gguf(folder: Path, path: Path) -> Path:
    """Writes the checkpoint as llama.cpp's converter does, without a tokenizer."""
    import gguf
    import torch
    from safetensors.torch import load_file

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    writer = gguf.GGUFWriter(path, "gemma3")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(1e6)
    writer.add_sliding_window(config["sliding_window"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("none")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.GEMMA3, config["num_hidden_layers"])
    for name, tensor in load_file(folder / "model.safetensors").items():
        stem, _, kind = name.rpartition(".")
        if tensor.ndim == 1:
            writer.add_tensor(f"{names.get_name(stem)}.{kind}", (tensor.float() + 1).numpy())
        else:
            data = tensor.contiguous().view(torch.uint8).numpy()
            bf16 = gguf.GGMLQuantizationType.BF16
            writer.add_tensor(f"{names.get_name(stem)}.{kind}", data, raw_dtype=bf16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def measure(folder: Path, file: Path, context: int) -> Ours:
    """Decodes after a random prompt of so many tokens."""
    import random

    from max.pipelines.config import PipelineConfig
    from max.pipelines.lib import PIPELINE_REGISTRY
    from tools.benchmarks.offline.steps import Step, decode_seconds, run_requests

    config = PipelineConfig.from_flat_kwargs(
        model_path=str(folder),
        weight_path=[str(file)],
        quantization_encoding="bfloat16",
        device_specs="cpu",
        max_length=context + _STEPS,
        max_batch_size=1,
        enable_prefix_caching=False,
    )
    _, pipeline = PIPELINE_REGISTRY.retrieve(config)
    hf_config, manager = pipeline.pipeline_config.model.huggingface_config, pipeline.kv_manager
    used = 0

    def note(step: Step) -> None:
        nonlocal used
        if step.input_tokens == 1:
            used = max(used, manager.total_num_pages - manager.num_free_pages)

    prompt = [random.randrange(hf_config.vocab_size) for _ in range(context)]
    steps = run_requests(pipeline, [prompt], _STEPS, note)
    row_bytes = 2 * 2 * hf_config.num_key_value_heads * hf_config.head_dim
    assert pipeline.plan is not None, "the registry's pipelines have a plan"
    return Ours(
        decode_seconds(steps, 1),
        used * pipeline.plan.bytes_per_page,
        (context + _STEPS) * row_bytes * hf_config.num_hidden_layers,
    )


def _llama_cpp(llama_bench: Path, file: Path, context: int, threads: int) -> float:
    """Tokens per second."""
    command = [
        str(llama_bench),
        "-m",
        str(file),
        "-t",
        str(threads),
        "-p",
        "0",
        "-n",
        str(_STEPS - 1),
    ]
    command += ["-d", str(context), "-r", "1", "-o", "json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout)[0]["avg_ts"])


if __name__ == "__main__":
    sys.exit(main())
