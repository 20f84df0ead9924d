"""`max warm-cache`."""

from __future__ import annotations

from typing import Any

import click

from max.entrypoints.cli.options import (
    SectionedCommand,
    add_options,
    given,
    pipeline_options,
    unavailable_options,
)
from max.pipelines.config import PipelineConfig


@click.command("warm-cache", cls=SectionedCommand)
@add_options(unavailable_options("max warm-cache"), pipeline_options())
def cli_warm_cache(**options: Any) -> None:
    """Do now what the first start of a model would do, and keep the result on disk.

    Downloads the model, builds the kernels, and keeps the weights as the kernels read them,
    quantized if --quantization-encoding asks for it; a start with the same options then maps them
    from the cache ($MODULAR_MAX_CACHE_DIR, or ~/.cache/max).

    \b
    Examples:
      max warm-cache --model ./checkpoint --quantization-encoding q4_k
      max serve --model ./checkpoint --quantization-encoding q4_k
    """
    config = PipelineConfig.from_flat_kwargs(**given(options))
    _ = config.model.architecture_name  # a wrong folder is found before anything slow is done
    config.runtime.keep_packed_weights = True
    from max.nn import ReturnLogits
    from max.pipelines.lib import PIPELINE_REGISTRY
    from max.pipelines.lib.make_pipeline import make_model, plan_memory
    from max.pipelines.lib.packed_weights import packed_folder

    architecture = PIPELINE_REGISTRY.resolve(config)
    plan_memory(architecture, config)  # what cannot fit is refused right now, as a start would
    make_model(architecture, config, ReturnLogits.LAST_TOKEN)
    encoding = config.model.quantization_encoding
    click.echo(f"{config.model.model_name}: ready to be served in {encoding}")
    click.echo(f"weights: {packed_folder(config.model)}")
