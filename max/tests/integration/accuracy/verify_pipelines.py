"""Verifies pipelines against PyTorch: runs both, compares the logits, tells the verdicts."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

if not __package__:  # started as a file: imports begin at max/tests and max/python
    _TESTS = Path(__file__).absolute().parents[2]
    _OWN_FOLDER = 0 if sys.flags.safe_path else 1
    sys.path[:_OWN_FOLDER] = [str(_TESTS), str(_TESTS.parent / "python")]

import click

from integration.accuracy.selection import choose, narrow
from integration.accuracy.verdict_table import verdict_table
from integration.accuracy.verdicts import Verdict, exit_code, load_verdicts, store_verdicts
from integration.accuracy.verification_config import VerifiedPipeline, load_config
from integration.accuracy.verification_job import Job, JobResult, run_in_child
from integration.test_common.user_paths import user_path
from max.pipelines.config.device_specs import parse_device_specs

_TOOL = "./bazelw run //max/tests/integration/accuracy:verify_pipelines --"
_ENCODINGS = {"float32": 1e-3, "bfloat16": 1e-2}
_EPILOG = f"""
\b
Examples:
  {_TOOL} --pipeline tiny-llama-float32 --devices cpu
  {_TOOL} --tags llama --devices cpu --store-verdicts-json /tmp/verdicts.json
  {_TOOL} --pipeline ./my-checkpoint --custom-architectures ./my_model --encoding bfloat16

\b
Verdicts: ok ✅, invalid 🟡 (the logits differ), error ❌ (a side could not be run), flake ❄️ (the
Hub could not be reached for now), infra 🧯 (the machine lacks memory).
Exit status: 0 all are ok, 75 only flakes beside, 1 otherwise.
"""


@click.command(epilog=_EPILOG, help=__doc__)
@click.option(
    "--pipeline",
    "names",
    multiple=True,
    help="A name of the configuration (logit_verification_config.yaml), the pipeline of several "
    "such names, a checkpoint's folder, or a repository id; repeatable. All when not given.",
)
@click.option(
    "--devices", default="default", show_default=True, help="cpu, gpu, gpu:N, or default."
)
@click.option("--tags", default="", help="Only pipelines with one of these tags, by commas.")
@click.option("--filter", "pattern", help="Only pipelines whose name matches this expression.")
@click.option("--report", "report_file", help="Write the table and the reports to this file.")
@click.option("--store-verdicts-json", help="Write the verdicts to this file.")
@click.option(
    "--load-verdicts-json", help="Verdicts of an earlier run; the table shows what has changed."
)
@click.option(
    "--find-tolerances",
    is_flag=True,
    help="Do not judge: show the tolerances under which each pipeline would just pass.",
)
@click.option(
    "--print-suggested-tolerances", is_flag=True, help="Show such tolerances beside the verdicts."
)
@click.option(
    "--override-pipeline-golden-location",
    "golden",
    help="Compare with this file of generate_llm_logits instead of running PyTorch; for a single "
    "pipeline.",
)
@click.option(
    "--no-aws",
    is_flag=True,
    help="Accepted for scripts that pass it; nothing is ever fetched from AWS.",
)
@click.option(
    "--encoding",
    type=click.Choice(list(_ENCODINGS)),
    default="float32",
    show_default=True,
    help="Encoding of pipelines that are not in the configuration.",
)
@click.option(
    "--kl-div-threshold",
    type=click.FloatRange(min=0),
    help="Largest KL divergence of pipelines that are not in the configuration; 0.001 for "
    "float32, 0.01 for bfloat16 when not given.",
)
@click.option(
    "--custom-architectures",
    multiple=True,
    help="Package with an architecture of your own, as for `max serve`; repeatable.",
)
@click.option(
    "--trust-remote-code", is_flag=True, help="Run code that checkpoints bring with them."
)
def main(
    names: tuple[str, ...],
    devices: str,
    tags: str,
    pattern: str | None,
    report_file: str | None,
    store_verdicts_json: str | None,
    load_verdicts_json: str | None,
    find_tolerances: bool,
    print_suggested_tolerances: bool,
    golden: str | None,
    no_aws: bool,
    encoding: str,
    kl_div_threshold: float | None,
    custom_architectures: tuple[str, ...],
    trust_remote_code: bool,
) -> None:
    """See the module."""
    threshold = _ENCODINGS[encoding] if kl_div_threshold is None else kl_div_threshold
    try:
        device_type = parse_device_specs(devices)[0].device_type
        earlier = load_verdicts(user_path(load_verdicts_json)) if load_verdicts_json else {}
        chosen = choose(load_config(), names, encoding, threshold)
        chosen = narrow(chosen, device_type, tags, pattern, named=bool(names))
    except (ValueError, re.error) as error:
        raise click.ClickException(str(error)) from error
    if golden is not None:
        chosen = _with_golden(chosen, golden)
    jobs = {
        name: Job(pipeline, devices, custom_architectures, trust_remote_code)
        for name, pipeline in chosen.items()
    }
    results = _run_all(jobs)
    verdicts = {name: result.verdict for name, result in results.items()}
    table = verdict_table(verdicts, earlier)
    details = _details(results, find_tolerances or print_suggested_tolerances)
    click.echo(f"{details}\n\n{table}")
    if report_file is not None:
        _write(user_path(report_file), f"{table}\n\n```text\n{details}\n```\n")
    if store_verdicts_json is not None:
        store_verdicts(user_path(store_verdicts_json), verdicts)
    sys.exit(0 if find_tolerances and _all_compared(verdicts) else exit_code(verdicts))


def _with_golden(chosen: dict[str, VerifiedPipeline], golden: str) -> dict[str, VerifiedPipeline]:
    if len(chosen) != 1:
        raise click.ClickException(
            "--override-pipeline-golden-location is for a single pipeline, chosen are: "
            f"{', '.join(chosen)}"
        )
    ((name, pipeline),) = chosen.items()
    return {name: pipeline.model_copy(update={"pregenerated_torch_goldens": golden})}


def _run_all(jobs: Mapping[str, Job]) -> dict[str, JobResult]:
    from tqdm import tqdm

    results: dict[str, JobResult] = {}
    with tqdm(jobs.items(), unit="pipeline", disable=None) as progress:
        for name, job in progress:
            progress.set_description(name)
            results[name] = run_in_child(job)
    return results


def _details(results: Mapping[str, JobResult], with_suggestions: bool) -> str:
    parts = []
    for name, result in results.items():
        lines = [f"{name}: {result.verdict.status.value}", result.report]
        if not result.report:
            lines.append(result.verdict.message)
        if with_suggestions:
            lines.append(result.suggestion)
        parts.append("\n".join(line for line in lines if line))
    return "\n\n".join(parts)


def _all_compared(verdicts: Mapping[str, Verdict]) -> bool:
    return all(verdict.kl_div is not None for verdict in verdicts.values())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
