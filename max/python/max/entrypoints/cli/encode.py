"""`max encode`."""

from __future__ import annotations

import time
from typing import Any

import click

from max.entrypoints.cli.options import (
    SectionedCommand,
    SectionOption,
    add_options,
    given,
    pipeline_options,
)
from max.pipelines.config import PipelineConfig
from max.pipelines.modeling.task import PipelineTask


@click.command("encode", cls=SectionedCommand)
@add_options(
    [
        SectionOption(
            ["--prompt"],
            "Request",
            default="I believe the meaning of life is",
            show_default=True,
            help="The text to encode.",
        ),
        SectionOption(
            ["--num-warmups"],
            "Request",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="Times to encode it, unseen, before it is timed.",
        ),
    ],
    pipeline_options(),
)
def cli_encode(prompt: str, num_warmups: int, **options: Any) -> None:
    """Turn a text into its embedding, with a model that is made for it.

    \b
    Examples:
      max encode --model ./all-MiniLM-L6-v2 --prompt "What is 2 + 3?"
      max encode --model ./Qwen3-Embedding-0.6B --task embeddings_generation
    """
    config = PipelineConfig.from_flat_kwargs(**given(options))
    _ = config.model.architecture_name  # a wrong folder is found before anything slow is done
    from max.pipelines.lib import PIPELINE_REGISTRY

    _, pipeline = PIPELINE_REGISTRY.retrieve(config, PipelineTask.EMBEDDINGS_GENERATION)
    for _ in range(num_warmups):
        pipeline.encode([prompt])
    started = time.perf_counter()
    (vector,) = pipeline.encode([prompt])
    took = time.perf_counter() - started
    click.echo(f"Encoding: {prompt}")
    click.echo(f"Embeddings: {vector.tolist()}")
    click.echo(f"Dimensions: {len(vector)}, time: {1000 * took:.1f} ms")
