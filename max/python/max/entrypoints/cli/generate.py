"""`max generate`."""

from __future__ import annotations

import time
from pathlib import Path
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
    unavailable_options,
)
from max.entrypoints.cli.profile import make_profile
from max.entrypoints.cli.sampling_options import make_sampling_params, sampling_options
from max.pipelines.config import PipelineConfig
from max.pipelines.config.lora_config import NamedAdapter
from max.pipelines.modeling.task import PipelineTask

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
        SectionOption(
            ["--lora"],
            "Request",
            help="The adapter that answers: a name of --lora-paths, or a folder.",
        ),
        *unavailable_options("max generate"),
        SectionOption(
            ["--profile"],
            "Request",
            is_flag=True,
            help="Show where the time of the answer goes, kernel by kernel (CPU).",
        ),
        SectionOption(
            ["--profile-output"],
            "Request",
            type=click.Path(dir_okay=False, writable=True),
            help="Write the profile to this JSON file too; implies --profile.",
        ),
        SectionOption(
            ["--profile-top-n"],
            "Request",
            type=click.IntRange(min=1),
            default=15,
            show_default=True,
            help="Kernels that the profile shows.",
        ),
    ],
    sampling_options(),
    pipeline_options(),
)
def cli_generate(
    prompt: str,
    num_warmups: int,
    lora: str | None,
    profile: bool,
    profile_output: str | None,
    profile_top_n: int,
    **options: Any,
) -> None:
    """Generate text from a prompt, and report how long it took.

    A model with a chat template answers the prompt as a message, any other one continues it.

    \b
    Examples:
      max generate --model demo --prompt "What is 2 + 3?" --temperature 0
      max generate --model ./checkpoint --max-new-tokens 20 --num-warmups 1
      max generate --model ./checkpoint --num-warmups 1 --profile
      max generate --model ./checkpoint --lora ./adapter
    """
    flags = {name: value for name, value in options.items() if name not in _SAMPLING}
    if lora is not None:
        name, *_ = NamedAdapter.of(lora)
        known = [NamedAdapter.of(each).name for each in flags["lora_paths"]]
        flags |= {"enable_lora": True}
        if name not in known:
            flags["lora_paths"] = [*flags["lora_paths"], lora]
        lora = name
    config = PipelineConfig.from_flat_kwargs(**given(flags))
    _ = config.model.architecture_name  # a wrong folder is found before anything slow is done
    sampling_params = make_sampling_params(
        {name: options[name] for name in _SAMPLING},
        config.model.sampling_params_defaults.values_to_update,
    )
    started = time.perf_counter()
    from max.pipelines.lib import PIPELINE_REGISTRY

    _, pipeline = PIPELINE_REGISTRY.retrieve(config, PipelineTask.TEXT_GENERATION)
    startup = time.perf_counter() - started
    for _ in range(num_warmups):
        answer(pipeline, make_request(pipeline, prompt, sampling_params, lora), show=str)
    request = make_request(pipeline, prompt, sampling_params, lora)
    if profile or profile_output:
        pipeline.pipeline_model.session.profiler.start()
    result = answer(pipeline, request, show=lambda text: click.echo(text, nl=False))
    click.echo("\n")
    click.echo(
        GenerationMetrics(
            result.prompt_size, result.output_size, result.first_token, result.total, startup
        ).report()
    )
    if profile or profile_output:
        report = make_profile(result)
        click.echo("\n" + report.table(profile_top_n))
        if profile_output:
            report.write(Path(profile_output))
