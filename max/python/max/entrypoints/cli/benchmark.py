"""`max benchmark`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from max.entrypoints.cli.benchmark_documented import (
    documented_options,
    metadata_of,
    translate,
)
from max.entrypoints.cli.benchmark_values import Lengths, RequestRate
from max.entrypoints.cli.options import JsonMapping, SectionedCommand, SectionOption, add_options
from max.pipelines.config import ConfigurationError

if TYPE_CHECKING:
    from max.benchmark.settings import Settings

_INTERRUPTED = 130  # what a shell reports for a command ended by Ctrl+C
_ENDPOINTS = {
    "completions": "completions",
    "/v1/completions": "completions",
    "chat": "chat",
    "/v1/chat/completions": "chat",
}


def _options() -> list[SectionOption]:
    def option(section: str, *declarations: str, **attributes: Any) -> SectionOption:
        attributes.setdefault("show_default", attributes.get("default") is not None)
        return SectionOption(declarations, section, **attributes)

    count, at_least_0 = click.IntRange(min=1), click.IntRange(min=0)
    path = click.Path(path_type=Path)
    server, load, prompts, request, output = "Server", "Load", "Prompts", "Requests", "Output"
    return [
        option(server, "--base-url", help="The server's address; else --host and --port."),
        option(server, "--host", default="127.0.0.1", help="The server's host."),
        option(server, "--port", type=click.INT, default=8000, help="The server's port."),
        option(
            server,
            "--endpoint",
            type=click.Choice(list(_ENDPOINTS)),
            default="completions",
            help="Which endpoint is asked.",
        ),
        option(server, "--model", help="The model's name; else the first one of /v1/models."),
        option(
            server,
            "--tokenizer",
            help="The model's folder or Hugging Face repository, for prompts of an exact length; "
            "else the model, if that is a folder here.",
        ),
        option(server, "--api-key", envvar="OPENAI_API_KEY", help="Also from OPENAI_API_KEY."),
        option(
            load,
            "--num-prompts",
            type=count,
            help="Conversations to have; each has --num-turns requests.  [default: 100, or all "
            "lines of a file]",
        ),
        option(
            load,
            "--request-rate",
            type=RequestRate(),
            default="inf",
            help="Mean arrivals per second of a Poisson process; inf lets all arrive at once.",
        ),
        option(
            load,
            "--burstiness",
            type=click.FloatRange(min=0, min_open=True),
            default=1.0,
            help="1 for a Poisson process; below 1 arrivals come in bursts, above it more evenly.",
        ),
        option(load, "--max-concurrency", type=count, help="Conversations that run at a time."),
        option(
            load,
            "--max-duration",
            "--max-benchmark-duration-s",
            "max_duration",
            type=click.FloatRange(min=0, min_open=True),
            help="Seconds after which the run is ended; requests that run then do not count.",
        ),
        option(
            load,
            "--num-warmups",
            type=at_least_0,
            default=1,
            help="Requests before the run that do not count.",
        ),
        option(
            load, "--seed", type=at_least_0, default=0, help="Of prompts, lengths and arrivals."
        ),
        option(
            load,
            "--request-timeout",
            type=click.FloatRange(min=0, min_open=True),
            default=600,
            help="Longest time of a request in seconds.",
        ),
        option(
            prompts,
            "--dataset",
            "--dataset-name",
            "dataset",
            type=click.Choice(["random", "prefix", "file"]),
            default="random",
            help="random: no two prompts alike; prefix: conversations that begin alike; file: "
            "read from --dataset-path.",
        ),
        option(
            prompts, "--dataset-path", help="A file with one JSON object per line: see the docs."
        ),
        option(
            prompts,
            "--input-len",
            type=Lengths(),
            default="128",
            help="Tokens of a prompt: 128, 64:256 (uniform) or normal:128,32.",
        ),
        option(
            prompts,
            "--output-len",
            type=Lengths(),
            default="64",
            help="Tokens of an answer, likewise.",
        ),
        option(
            prompts,
            "--prefix-len",
            type=count,
            default=256,
            help="Tokens that the conversations of a group begin with.",
        ),
        option(prompts, "--num-prefixes", type=count, default=1, help="Number of such groups."),
        option(
            prompts,
            "--num-turns",
            type=count,
            default=1,
            help="Questions in a conversation; each is sent with all that was said before.",
        ),
        option(
            prompts,
            "--prompt-format",
            type=click.Choice(["auto", "tokens", "text"]),
            default="auto",
            help="auto: token ids for single completions, else text of the exact length.",
        ),
        option(
            request,
            "--ignore-eos/--no-ignore-eos",
            default=None,
            help="Go on to the full length.  [default: on unless --dataset file]",
        ),
        option(request, "--temperature", type=click.FLOAT, default=0.0, help="0 is greedy."),
        option(request, "--top-p", type=click.FLOAT, help="Sent when given."),
        option(request, "--top-k", type=click.INT, help="Sent when given."),
        option(
            request,
            "--extra-body",
            type=JsonMapping(),
            help="JSON object, or a file of one: further fields of each request.",
        ),
        option(
            output,
            "--skip-first",
            "--skip-first-n-requests",
            "skip_first",
            type=at_least_0,
            default=0,
            help="Requests at the beginning that do not count.",
        ),
        option(
            output,
            "--skip-last",
            "--skip-last-n-requests",
            "skip_last",
            type=at_least_0,
            default=0,
            help="Requests at the end that do not count.",
        ),
        option(
            output,
            "--skip-first-turns",
            "--ignore-first-turn-stats",
            "skip_first_turns",
            is_flag=True,
            show_default=False,
            help="First questions of conversations do not count.",
        ),
        option(
            output,
            "--metadata",
            multiple=True,
            callback=metadata_of,
            help="key=value for the result file; repeatable.",
        ),
        option(
            output,
            "--result-file",
            "--result-filename",
            "result_file",
            type=path,
            help="Write everything there, as JSON.",
        ),
        option(output, "--plots", type=path, help="Draw into this folder."),
        option(output, "--label", default="", show_default=False, help="Name in comparisons."),
        option(output, "--progress/--no-progress", default=True, help="Show a bar in a terminal."),
        option(
            output,
            "--compare",
            is_flag=True,
            show_default=False,
            help="Measure nothing: compare result files, given behind it, with the first of them.",
        ),
    ]


@click.command("benchmark", cls=SectionedCommand)
@click.argument("results", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@add_options(_options(), documented_options())
@click.pass_context
def cli_benchmark(
    ctx: click.Context,
    /,
    results: tuple[Path, ...],
    compare: bool,
    plots: Path | None,
    api_key: str | None,
    **options: Any,
) -> None:
    """Measure a running server with an OpenAI-compatible API, of whatever make.

    \b
    Examples:
      max benchmark --tokenizer demo --num-prompts 16 --max-concurrency 16
      max benchmark --dataset prefix --endpoint chat --num-turns 8 --tokenizer ./model
      max benchmark --compare ours.json theirs.json --plots pictures
    """
    if compare:
        _compare(results, plots)
        return
    if results:
        raise click.UsageError(f"unexpected argument {results[0]}: did you mean --compare?", ctx)
    translate(ctx, options)
    result_file, progress = options.pop("result_file"), options.pop("progress")
    from max.benchmark.compare import Named
    from max.benchmark.report import report
    from max.benchmark.result import write_result
    from max.benchmark.run import run_benchmark

    result = run_benchmark(_settings(options), api_key, show_progress=progress)
    click.echo(report(result))
    if result_file is not None:
        result_file.parent.mkdir(parents=True, exist_ok=True)
        write_result(result, result_file)
        click.echo(f"\nWritten: {result_file}")
    if plots is not None:
        _draw([Named(result.settings.label or str(result.settings.model), result)], plots)
    if result.interrupted:
        ctx.exit(_INTERRUPTED)
    if not result.summary.completed:
        ctx.exit(1)


def _settings(options: dict[str, Any]) -> Settings:
    from max.benchmark.settings import Settings

    host, port = options.pop("host"), options.pop("port")
    sampling = {name: options.pop(name) for name in ("temperature", "top_p", "top_k")}
    rate = options.pop("request_rate")
    settings = Settings(
        **options
        | {
            "base_url": options["base_url"] or f"http://{host}:{port}",
            "endpoint": _ENDPOINTS[options["endpoint"]],
            "extra_body": options["extra_body"] or {},
            "request_rate": None if math.isinf(rate) else rate,
            "sampling": {name: value for name, value in sampling.items() if value is not None},
        }
    )
    try:
        settings.check()
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    return settings


def _compare(paths: Sequence[Path], plots: Path | None) -> None:
    from max.benchmark.compare import comparison, read_named

    if len(paths) < 2:
        raise click.UsageError("--compare needs two result files or more: --compare A.json B.json")
    named = read_named(paths)
    click.echo(comparison(named))
    if plots is not None:
        _draw(named, plots)


def _draw(named: Sequence[Any], folder: Path) -> None:
    from max.benchmark.plots.write import write_plots

    for path in write_plots(named, folder):
        click.echo(f"Drawn: {path}")
