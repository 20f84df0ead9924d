"""Runs a model in MAX and in PyTorch on one prompt, and names the first tensor that departs."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

if not __package__:  # started as a file: imports begin at max/tests and max/python
    _TESTS = Path(__file__).absolute().parents[2]
    _OWN_FOLDER = 0 if sys.flags.safe_path else 1
    sys.path[:_OWN_FOLDER] = [str(_TESTS), str(_TESTS.parent / "python")]

import click

from integration.test_common.user_paths import user_path
from integration.tools.create_pipelines import PIPELINE_ORACLES
from integration.tools.logit_run import LogitRun, resolved_encoding

EXIT_DEPARTS = 2
_TOOL = "./bazelw run //max/tests/integration/tools:debug_model --"
_EPILOG = f"""
\b
Examples:
  {_TOOL} --pipeline tiny-llama
  {_TOOL} --pipeline ./my-checkpoint --custom-architectures ./my_model --num-hidden-layers 1
  {_TOOL} --pipeline ./my-checkpoint --random-weights --hf-config-overrides '{{"vocab_size": 500}}'
  {_TOOL} --framework max --pipeline tiny-llama -o /tmp/max-tensors

\b
Exit status: 0 all tensors agree (or were written), 2 one departs, 1 for an error.

\b
Pipelines by name:
  {chr(10).join(f"  {name}" for name in PIPELINE_ORACLES).strip()}
"""


def _overrides(_: click.Context, __: click.Parameter, value: str) -> dict[str, Any]:
    """Reads `--hf-config-overrides`."""
    try:
        fields = json.loads(value)
    except ValueError as error:
        raise click.BadParameter(f"is no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise click.BadParameter('must be an object, {"rope_theta": 10000.0}')
    return fields


def _num_layers(_: click.Context, __: click.Parameter, value: str) -> int | None:
    """Reads `--num-hidden-layers`."""
    if value == "all":
        return None
    if not value.isdigit() or not int(value):
        raise click.BadParameter(f"must be 1 or more, or all; got '{value}'")
    return int(value)


@click.command(epilog=_EPILOG, help=f"{__doc__} On the CPU.")
@click.option(
    "--framework",
    type=click.Choice(["both", "max", "torch"]),
    default="both",
    show_default=True,
    help="Compare both, or write the tensors of one of them.",
)
@click.option(
    "--pipeline",
    required=True,
    help="A name from the list below, a checkpoint's folder, or a repository id (owner/name).",
)
@click.option(
    "--encoding",
    type=click.Choice(["float32", "bfloat16"]),
    help="Encoding of the weights; that of `max serve` when not given. float32 shows most.",
)
@click.option(
    "--device",
    "--devices",
    "device",
    type=click.Choice(["cpu", "default"]),
    default="cpu",
    show_default=True,
    help="Tensors are compared on the CPU.",
)
@click.option("-o", "--output", help="Folder for the tensors of one framework, one file each.")
@click.option("--prompt", help="What to ask; the pipeline's first prompt when not given.")
@click.option(
    "--num-steps",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Tokens to generate: MAX decodes them from its cache, PyTorch reads all at once.",
)
@click.option(
    "--num-hidden-layers",
    "num_layers",
    default="all",
    show_default=True,
    callback=_num_layers,
    help="Keep only the first so many blocks.",
)
@click.option(
    "--hf-config-overrides",
    "overrides",
    default="{}",
    callback=_overrides,
    help="Fields of config.json for both sides, as JSON.",
)
@click.option("--random-weights", is_flag=True, help="Draw weights instead of reading them.")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    help="Relative difference from which a tensor departs; 3e-6 for float32, 3e-2 for bfloat16.",
)
@click.option("--every-tensor", is_flag=True, help="Show what layers are given, too.")
@click.option(
    "--custom-architectures",
    multiple=True,
    help="Package with an architecture of your own, for MAX; as for `max serve`; repeatable.",
)
@click.option(
    "--trust-remote-code", is_flag=True, help="Run code that the checkpoint brings with it."
)
def main(
    framework: str,
    pipeline: str,
    encoding: str | None,
    device: str,
    output: str | None,
    prompt: str | None,
    num_steps: int,
    num_layers: int | None,
    overrides: dict[str, Any],
    random_weights: bool,
    tolerance: float | None,
    every_tensor: bool,
    custom_architectures: tuple[str, ...],
    trust_remote_code: bool,
) -> None:
    """See the module."""
    if (framework == "both") != (output is None):
        raise click.UsageError("--output is for the tensors of one framework: --framework max")
    run = LogitRun(
        pipeline=pipeline,
        framework="max",
        encoding=encoding,
        device="cpu",
        custom_architectures=custom_architectures,
        trust_remote_code=trust_remote_code,
    )
    from integration.tools.debugging.reduced_checkpoint import write_reduced
    from max.pipelines.lib.embed import makes_embeddings

    with tempfile.TemporaryDirectory() as scratch:
        try:
            folder = run.pipeline_config().model.resolved_model_path
            is_embedder = makes_embeddings(folder)
            if is_embedder and num_steps > 1:
                raise ValueError(f"--num-steps {num_steps}: an embedder generates no tokens")
            kind = resolved_encoding(run)
            if overrides or num_layers is not None or random_weights:
                folder = write_reduced(
                    folder,
                    Path(scratch, "model"),
                    overrides=overrides,
                    num_layers=num_layers,
                    random_weights=random_weights,
                    is_embedder=is_embedder,
                    trust_remote_code=trust_remote_code,
                )
            tokens = _tokens(folder, prompt or run.queries()[0].prompt, trust_remote_code)
            run = replace(run, encoding=kind, num_steps=num_steps)
            is_same = _run(
                run, framework, folder, tokens, output, tolerance, every_tensor, is_embedder
            )
        except (ValueError, OSError) as error:
            raise click.ClickException(str(error)) from error
    if not is_same:
        sys.exit(EXIT_DEPARTS)


def _tokens(folder: Path, prompt: str, trust_remote_code: bool) -> list[int]:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code)
    tokens: list[int] = tokenizer.encode(prompt)
    return tokens


def _run(
    run: LogitRun,
    framework: str,
    folder: Path,
    tokens: list[int],
    output: str | None,
    tolerance: float | None,
    every_tensor: bool,
    is_embedder: bool,
) -> bool:
    """Whether nothing departs."""
    from integration.tools.debugging.comparison import TOLERANCES, Comparison
    from integration.tools.debugging.diagnosis import diagnose
    from integration.tools.debugging.report import report
    from integration.tools.debugging.sides import (
        run_max,
        run_max_embedder,
        run_torch,
        run_torch_embedder,
        write_tensors,
    )

    encoding = run.encoding or "float32"
    torch_runner = run_torch_embedder if is_embedder else run_torch
    if framework == "torch":
        assert output is not None
        torch_side = torch_runner(folder, tokens, encoding, run.trust_remote_code)
        click.echo(write_tensors(torch_side.tensors, user_path(output)))
        return True
    if is_embedder:
        ours = run_max_embedder(folder, tokens, encoding, run.custom_architectures)
    else:
        ours = run_max(folder, tokens, encoding, run.num_steps, run.custom_architectures)
    if output is not None:
        click.echo(write_tensors(ours.tensors, user_path(output)))
        return True
    theirs = torch_runner(folder, ours.tokens, encoding, run.trust_remote_code)
    comparison = Comparison(ours, theirs, tolerance or TOLERANCES[encoding])
    diagnosis = diagnose(comparison)
    click.echo(report(comparison, diagnosis, every_tensor=every_tensor))
    return diagnosis is None


if __name__ == "__main__":
    main()
