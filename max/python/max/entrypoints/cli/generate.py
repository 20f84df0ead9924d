"""`max generate`."""

from __future__ import annotations

import time
from typing import Any

import click

from max.entrypoints.cli.answering import answer, make_request
from max.entrypoints.cli.metrics import GenerationMetrics
from max.entrypoints.cli.options import (
    SectionedCommand,
    SectionOption,
    add_options,
    given,
    pipeline_options,
    unavailable_option,
)
from max.entrypoints.cli.sampling_options import make_sampling_params, sampling_options
from max.pipelines.config import PipelineConfig

_SAMPLING = tuple(str(option.name) for option in sampling_options())


@click.command("generate", cls=SectionedCommand)
@add_options(
    [
        SectionOption(
            ["--prompt"],
            "Request",
            default="I believe the meaning of life is",
            show_default=True,
            help="What to answer or to continue.",
        ),
        SectionOption(
            ["--num-warmups"],
            "Request",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="Answers to generate, unseen, before the one that is timed.",
        ),
        unavailable_option("--image_url", multiple=True),
        unavailable_option("--profile", is_flag=True),
        unavailable_option("--profile-output"),
        unavailable_option("--profile-top-n", type=click.INT),
    ],
    sampling_options(),
    pipeline_options(),
)
def cli_generate(prompt: str, num_warmups: int, **options: Any) -> None:
    """Generate text from a prompt, and report how long it took.

    A model with a chat template answers the prompt as a message, any other one continues it.

    \b
    Examples:
      max generate --model demo --prompt "What is 2 + 3?" --temperature 0
      max generate --model ./checkpoint --max-new-tokens 20 --num-warmups 1
    """
    flags = {name: value for name, value in options.items() if name not in _SAMPLING}
    config = PipelineConfig.from_flat_kwargs(**given(flags))
    _ = config.model.architecture_name  # a wrong folder is found before anything slow is done
    sampling_params = make_sampling_params(
        {name: options[name] for name in _SAMPLING},
        config.model.sampling_params_defaults.values_to_update,
    )
    started = time.perf_counter()
    from max.pipelines.lib import PIPELINE_REGISTRY

    _, pipeline = PIPELINE_REGISTRY.retrieve(config)
    startup = time.perf_counter() - started
    for _ in range(num_warmups):
        answer(pipeline, make_request(pipeline, prompt, sampling_params), show=str)
    request = make_request(pipeline, prompt, sampling_params)
    result = answer(pipeline, request, show=lambda text: click.echo(text, nl=False))
    click.echo("\n")
    click.echo(GenerationMetrics(*result, startup=startup).report())
