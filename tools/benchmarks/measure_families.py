"""Measures decoders of several families, all with layers of a billion-weight model's sizes.

python3 -m tools.benchmarks.measure_families [--family NAME ...]
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import click

_PROMPT, _CONTEXT, _BYTES_PER_WEIGHT = 512, 128, 2
_SIZES: Mapping[str, Any] = {
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 4,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "max_position_embeddings": 2048,
    "vocab_size": 16384,
    "tie_word_embeddings": True,
    "pad_token_id": None,
}
_HALF = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}
# transformers' configuration class, and what it is called with beside the sizes.
FAMILIES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "llama": ("LlamaConfig", {}),
    "qwen3": ("Qwen3Config", {}),
    "gemma3": ("Gemma3TextConfig", {"query_pre_attn_scalar": 64, "sliding_window": 512}),
    "olmo2": ("Olmo2Config", {}),
    "cohere": ("CohereConfig", {}),
    "phi": ("PhiConfig", {"rope_parameters": _HALF}),
    "phi3": ("Phi3Config", {}),
    "gpt2": ("GPT2Config", {"n_inner": 8192}),
    "falcon": ("FalconConfig", {"new_decoder_architecture": True, "num_kv_heads": 8}),
    "nemotron": ("NemotronConfig", {"rope_parameters": _HALF}),
    "glm4": ("Glm4Config", {"rope_parameters": _HALF}),
    "ministral3": ("Ministral3Config", {}),
}


class Speed(NamedTuple):
    """One family's numbers; the share is of what memory allowed in the same minute."""

    step_gb: float
    decode: float
    decode_share: float
    prefill: float
    prefill_gflops: float


@click.command()
@click.option("--family", "families", multiple=True, type=click.Choice(list(FAMILIES)))
def main(families: tuple[str, ...]) -> None:
    """Measure families in bfloat16 and print a table in Markdown; the prompt has 512 tokens."""
    click.echo("| family | GB a step | decode, tok/s | of the bound | prompt, tok/s | GFLOP/s |")
    click.echo("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name in families or FAMILIES:
        with tempfile.TemporaryDirectory() as scratch:
            # Each in a process of its own: what one leaves in memory is no other's.
            context = get_context("spawn")
            with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as pool:
                folder = pool.submit(write_model, name, Path(scratch) / "model").result()
                speed = pool.submit(measure_model, folder).result()
        click.echo(
            f"| {name} | {speed.step_gb:.2f} | {speed.decode:.1f} | {speed.decode_share:.0%} | "
            f"{speed.prefill:.0f} | {speed.prefill_gflops:.0f} |"
        )


def write_model(name: str, folder: Path) -> Path:
    """Writes a model of random weights with the demo's tokenizer.

    Args:
        name: one of `FAMILIES`.
        folder: created.

    Returns:
        The folder.
    """
    from dataclasses import fields

    import torch
    import transformers

    from max.demo import model_path

    config_name, settings = FAMILIES[name]
    config_cls = getattr(transformers, config_name)
    known = {field.name for field in fields(config_cls)} | config_cls.attribute_map.keys()
    sizes = {key: value for key, value in _SIZES.items() if key in known}
    model = transformers.AutoModelForCausalLM.from_config(
        config_cls(**{**sizes, **settings}), dtype=torch.bfloat16
    )
    model.save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(model_path() / file, folder / file)
    return folder


def measure_model(folder: Path) -> Speed:
    """Loads a model in bfloat16 and measures it."""
    from max.pipelines.config import PipelineConfig
    from tools.benchmarks.offline.measure import Sizes, measure

    sizes = Sizes(prefill=(), first_token=(_PROMPT,), contexts=(_CONTEXT,), streams=())
    config = PipelineConfig.from_flat_kwargs(
        model_path=str(folder),
        quantization_encoding="bfloat16",
        device_specs="cpu",
        max_length=sizes.longest,
        max_batch_size=1,
        enable_prefix_caching=False,
    )
    metrics = measure(config, sizes).metrics
    rate = _PROMPT / (metrics[f"ttft_{_PROMPT}"] / 1000)
    head = _SIZES["hidden_size"] * _SIZES["vocab_size"]
    weights = metrics["step_gb"] * 1e9 / _BYTES_PER_WEIGHT - head
    decode = metrics[f"decode_{_CONTEXT}"]
    share = decode / metrics[f"decode_{_CONTEXT}_bound"]
    return Speed(metrics["step_gb"], decode, share, rate, 2 * weights * rate / 1e9)


if __name__ == "__main__":
    sys.exit(main())
