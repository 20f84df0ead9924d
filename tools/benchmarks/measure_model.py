"""Measures a model on this engine, in one process, and prints JSON.

python3 -m tools.benchmarks.measure_model --model MODEL
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _lengths(name: str, default: tuple[int, ...], help: str) -> Callable[[_Function], _Function]:
    return click.option(
        name,
        type=click.IntRange(min=1),
        multiple=True,
        default=default,
        show_default=True,
        help=help + " Repeatable.",
    )


@click.command()
@click.option("--model", required=True, help="Folder, GGUF file, or repository of the model.")
@click.option("--weight-path", multiple=True, help="Weights, if not the model's own; repeatable.")
@click.option("--quantization-encoding", help="Encoding of the weights; by default the model's.")
@click.option("--kv-cache-format", help="Element type of the KV cache; by default the weights'.")
@click.option("--num-threads", type=click.IntRange(min=1), help="Threads of the kernels.")
@_lengths("--prefill", (512,), "Tokens of a prompt whose rate is measured.")
@_lengths("--first-token", (128,), "Tokens of a prompt whose first token is waited for.")
@_lengths("--context", (128, 2048), "Tokens after which one stream decodes.")
@_lengths("--streams", (8, 16), "Streams that decode together, after 128 tokens each.")
@click.option("--steps", type=click.IntRange(min=2), default=49, help="Tokens of each answer.")
def main(
    prefill: tuple[int, ...],
    first_token: tuple[int, ...],
    context: tuple[int, ...],
    streams: tuple[int, ...],
    steps: int,
    **options: Any,
) -> None:
    """Measure how fast a model is without a server: the pipeline and the scheduler alone.

    Before and after each measurement that memory or arithmetic bounds, its rate is measured too.
    """
    # As in the model worker: OpenMP reads it when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from max.pipelines.config import PipelineConfig
    from tools.benchmarks.offline.measure import Sizes, measure

    sizes = Sizes(prefill, first_token, context, streams, steps=steps)
    config = PipelineConfig.from_flat_kwargs(
        model_path=options["model"],
        weight_path=list(options["weight_path"]),
        quantization_encoding=options["quantization_encoding"],
        kv_cache_format=options["kv_cache_format"],
        num_threads=options["num_threads"],
        max_length=sizes.longest,
        max_batch_size=sizes.most_streams,
        enable_prefix_caching=False,  # random prompts share nothing, but would be kept in memory
    )
    try:
        click.echo(json.dumps(asdict(measure(config, sizes))))
    except ValueError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
