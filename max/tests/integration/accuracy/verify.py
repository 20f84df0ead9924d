"""Compares two files of logits: those of MAX with those of the reference."""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # started as a file: imports begin at max/tests and max/python
    _TESTS = Path(__file__).absolute().parents[2]
    _OWN_FOLDER = 0 if sys.flags.safe_path else 1
    sys.path[:_OWN_FOLDER] = [str(_TESTS), str(_TESTS.parent / "python")]

import click

from integration.accuracy.comparison import Thresholds, compare_logits
from integration.accuracy.discrepancy_report import METRICS, report, suggest_tolerances
from integration.test_common.logit_files import read_logits
from integration.test_common.user_paths import user_path

EXIT_FAILED = 2
_NOT_FOR_LOGITS = ("ssim", "lpips")
_EPILOG = """
\b
Example:
  ./bazelw run //max/tests/integration/accuracy:verify -- \\
      --eval-metric cos,kl,tol --kl-div-threshold 0.01 \\
      /tmp/max-logits.json /tmp/torch-logits.json

\b
Exit status: 0 passed, 2 failed, 1 the files cannot be compared.
"""


def _metrics(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    """Reads `--eval-metric`."""
    names = tuple(name.strip() for name in value.split(","))
    for name in names:
        if name in _NOT_FOR_LOGITS:
            raise click.BadParameter(f"'{name}' compares images; logits have {', '.join(METRICS)}")
        if name not in METRICS:
            raise click.BadParameter(f"'{name}' is unknown; choose among {', '.join(METRICS)}")
    return names


@click.command(
    epilog=_EPILOG,
    help=f"""{__doc__}

    MAX and REFERENCE are files of generate_llm_logits. They pass when the KL divergence of the
    token probabilities is at most --kl-div-threshold for every token of every prompt; the other
    metrics are shown, to help to find out why.
    """,
)
@click.argument("max_file", metavar="MAX")
@click.argument("reference_file", metavar="REFERENCE")
@click.option(
    "--eval-metric",
    "metrics",
    default="tol",
    show_default=True,
    callback=_metrics,
    help="What to show: tol, cos, kl, separated by commas.",
)
@click.option("--relative-tolerance", type=click.FloatRange(min=0), default=1e-3, show_default=True)
@click.option("--absolute-tolerance", type=click.FloatRange(min=0), default=1e-4, show_default=True)
@click.option("--cos-dist-threshold", type=click.FloatRange(min=0), default=1e-3, show_default=True)
@click.option(
    "--kl-div-threshold",
    type=click.FloatRange(min=0),
    default=1e-3,
    show_default=True,
    help="Largest KL divergence, in nats.",
)
@click.option(
    "--diff-count",
    type=click.IntRange(min=0),
    default=4,
    show_default=True,
    help="How many of the worst tokens to show.",
)
@click.option(
    "--print-suggested-tolerances", is_flag=True, help="Show options that would just pass."
)
def main(
    max_file: str,
    reference_file: str,
    metrics: tuple[str, ...],
    relative_tolerance: float,
    absolute_tolerance: float,
    cos_dist_threshold: float,
    kl_div_threshold: float,
    diff_count: int,
    print_suggested_tolerances: bool,
) -> None:
    """Exits with 0 when the logits pass, with 2 when they fail."""
    thresholds = Thresholds(
        relative_tolerance, absolute_tolerance, cos_dist_threshold, kl_div_threshold
    )
    try:
        results, reference = (
            read_logits(user_path(max_file)),
            read_logits(user_path(reference_file)),
        )
        comparison = compare_logits(results, reference, thresholds)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(report(comparison, thresholds, metrics, diff_count))
    if print_suggested_tolerances:
        click.echo(suggest_tolerances(comparison, thresholds))
    if not comparison.passes(thresholds):
        sys.exit(EXIT_FAILED)


if __name__ == "__main__":
    main()
