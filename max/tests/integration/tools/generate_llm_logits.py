"""Writes the logits of a model, run by MAX or by PyTorch, to a file that `verify` compares."""

from __future__ import annotations

import logging
import sys
import time
from dataclasses import replace
from pathlib import Path

if not __package__:  # started as a file: imports begin at max/tests and max/python
    _TESTS = Path(__file__).absolute().parents[2]
    _OWN_FOLDER = 0 if sys.flags.safe_path else 1
    sys.path[:_OWN_FOLDER] = [str(_TESTS), str(_TESTS.parent / "python")]

import click

from integration.test_common.hub_flakes import EXIT_FLAKE, is_hub_flake
from integration.test_common.logit_files import PromptLogits, read_logits, write_logits
from integration.test_common.user_paths import user_path
from integration.tools.create_pipelines import PIPELINE_ORACLES
from integration.tools.logit_run import NUM_STEPS, LogitRun, generate_logits, mini

_TOOL = "./bazelw run //max/tests/integration/tools:generate_llm_logits --"
_EPILOG = f"""
\b
Examples:
  {_TOOL} \\
      --framework max --pipeline tiny-llama --device cpu --output /tmp/max-logits.json
  {_TOOL} \\
      --framework torch --pipeline tiny-llama --device cpu --output /tmp/torch-logits.json
  {_TOOL} \\
      --framework max --pipeline ./my-checkpoint --custom-architectures ./my_model \\
      --encoding bfloat16 --device gpu -r /tmp/torch-logits.json -o /tmp/max-logits.json

\b
Pipelines by name:
  {chr(10).join(f"  {name}" for name in PIPELINE_ORACLES).strip()}
"""


@click.command(epilog=_EPILOG, help=f"{__doc__} Each prompt is continued greedily.")
@click.option(
    "--framework",
    type=click.Choice(["max", "torch"]),
    required=True,
    help="What runs the model; torch is Hugging Face transformers.",
)
@click.option(
    "--pipeline",
    required=True,
    help="A name from the list below, a checkpoint's folder, or a repository id (owner/name).",
)
@click.option(
    "--encoding",
    type=click.Choice(["float32", "bfloat16"]),
    help="Encoding of the weights; that of `max serve` when not given.",
)
@click.option(
    "--device",
    "--devices",
    "device",
    default="default",
    show_default=True,
    help="cpu, gpu, gpu:N, or default (a GPU if there is one).",
)
@click.option(
    "-o",
    "--output",
    help="File to write, or a folder; tmp/TIME_PIPELINE_FRAMEWORK.json when not given.",
)
@click.option(
    "-r",
    "--reference",
    help="File of an earlier run: its prompts are asked and its tokens followed, so that both "
    "runs see the same text even where their most likely tokens differ.",
)
@click.option(
    "--print/--no-print",
    "print_tokens",
    default=False,
    show_default=True,
    help="Show each prompt's tokens.",
)
@click.option(
    "--max-batch-size", type=click.IntRange(min=1), help="Prompts that MAX runs in one batch."
)
@click.option("--mini", "mini_run", is_flag=True, help="Only one token of the first prompt.")
@click.option("--generate-logprobs", is_flag=True, help="Write log probabilities too.")
@click.option("--log-hf-downloads", is_flag=True, help="Say what is downloaded from the Hub.")
@click.option(
    "--num-steps",
    type=click.IntRange(min=1),
    default=NUM_STEPS,
    show_default=True,
    help="Tokens to generate per prompt.",
)
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
    reference: str | None,
    print_tokens: bool,
    max_batch_size: int | None,
    mini_run: bool,
    generate_logprobs: bool,
    log_hf_downloads: bool,
    num_steps: int,
    custom_architectures: tuple[str, ...],
    trust_remote_code: bool,
) -> None:
    """Exits with 0, with 1 for an error, with 75 when the Hub cannot be reached for now."""
    run = LogitRun(
        pipeline=pipeline,
        framework="max" if framework == "max" else "torch",
        encoding=encoding,
        device=device,
        max_batch_size=max_batch_size,
        custom_architectures=custom_architectures,
        trust_remote_code=trust_remote_code,
        num_steps=num_steps,
    )
    if log_hf_downloads:
        _log_downloads()
    path = output_path(output, run)
    try:
        if reference is not None:
            run = replace(run, reference=read_logits(user_path(reference)))
        results = _generate_with_progress(mini(run) if mini_run else run)
        write_logits(path, results, with_logprobs=generate_logprobs)
    except (ValueError, OSError) as error:
        if is_hub_flake(error):
            click.echo(f"The Hugging Face Hub cannot be reached for now: {error}", err=True)
            sys.exit(EXIT_FLAKE)
        raise click.ClickException(str(error)) from error
    if print_tokens:
        _print_tokens(results)
    click.echo(f"Wrote the logits of {len(results)} prompts to {path}")


def output_path(output: str | None, run: LogitRun) -> Path:
    """The file to write for an `--output` value."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    name = f"{stamp}_{run.pipeline.strip('./').replace('/', '_')}_{run.framework}.json"
    if output is None:
        return user_path(Path("tmp", name))
    path = user_path(output)
    return path / name if path.is_dir() or output.endswith("/") else path


def _generate_with_progress(run: LogitRun) -> list[PromptLogits]:
    from tqdm import tqdm

    total = sum(query.num_steps for query in run.queries())
    label = f"{run.pipeline} ({run.framework})"
    with tqdm(total=total, desc=label, unit="token", disable=None) as progress:
        return generate_logits(run, progress.update)


def _print_tokens(results: list[PromptLogits]) -> None:
    for result in results:
        click.echo(f"{result.prompt!r}")
        for value in result.values:
            click.echo(f"  token {value.next_token}, logit {value.logits[value.next_token]:.6g}")


def _log_downloads() -> None:
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    logging.getLogger("huggingface_hub").setLevel(logging.DEBUG)


if __name__ == "__main__":
    main()
