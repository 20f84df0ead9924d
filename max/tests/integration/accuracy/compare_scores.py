"""Says whether a model's score in lm-eval is at least 95 % of its reference's."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

if not __package__:  # started as a file: imports begin at max/tests and max/python
    _TESTS = Path(__file__).absolute().parents[2]
    _OWN_FOLDER = 0 if sys.flags.safe_path else 1
    sys.path[:_OWN_FOLDER] = [str(_TESTS), str(_TESTS.parent / "python")]

import click
import numpy as np

from integration.test_common.user_paths import user_path

EXIT_BELOW, EXIT_UNDECIDED = 2, 3
_DRAWS = 10_000
_EPILOG = """
\b
Example:
  ./bazelw run //max/tests/integration/accuracy:compare_scores -- \\
      ours/samples_gsm8k_cot_llama_*.jsonl reference/samples_gsm8k_cot_llama_*.jsonl

\b
Exit status: 0 at least that share, 2 below it, 3 too few questions to say, 1 for an error.
"""


@dataclass(frozen=True)
class Ratio:
    """Our score as a share of the reference's.

    Attributes:
        value: of the questions that were asked.
        low: lower end of the interval that holds the true share with 95 % confidence.
        high: its upper end.
    """

    value: float
    low: float
    high: float


def score_ratio(ours: Mapping[str, float], reference: Mapping[str, float]) -> Ratio:
    """The ratio of two mean scores of the same questions.

    The interval is a paired bootstrap (Efron, 1979): questions are drawn with replacement, each
    with both of its scores, so that how hard the drawn ones are does not matter.

    Args:
        ours: score of each question.
        reference: likewise.

    Raises:
        ValueError: if other questions were asked, or the reference has none right.
    """
    if ours.keys() != reference.keys():
        raise ValueError(
            f"other questions: {len(ours)} and {len(reference)} of them, "
            f"{len(ours.keys() & reference.keys())} in both; use the same --limit and --seed"
        )
    names = sorted(ours)
    mine = np.array([ours[name] for name in names])
    theirs = np.array([reference[name] for name in names])
    if not theirs.any():
        raise ValueError("the reference has no question right, so there is no share of its score")
    drawn = np.random.default_rng(0).integers(0, len(names), (_DRAWS, len(names)))
    ratios = mine[drawn].mean(1) / np.maximum(theirs[drawn].mean(1), 1e-12)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return Ratio(float(mine.mean() / theirs.mean()), float(low), float(high))


def read_scores(path: Path, metric: str, filter_name: str | None) -> dict[str, float]:
    """The scores in a file of `lm_eval --log_samples`, by question.

    Raises:
        ValueError: if the file has none of that metric and filter.
    """
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    filters = {row.get("filter") for row in rows}
    if filter_name is not None and filter_name not in filters:
        raise ValueError(
            f"{path} has no filter '{filter_name}'; it has {sorted(map(str, filters))}"
        )
    found = {
        str(row["doc_hash"]): float(row[metric])
        for row in rows
        if metric in row and filter_name in (None, row.get("filter"))
    }
    if not found:
        raise ValueError(f"{path} has no scores of the metric '{metric}'")
    return found


@click.command(
    epilog=_EPILOG, help=f"{__doc__} OURS and REFERENCE are files of lm_eval --log_samples."
)
@click.argument("ours")
@click.argument("reference")
@click.option("--metric", default="exact_match", show_default=True)
@click.option(
    "--filter", "filter_name", help="Of several filters, which; flexible-extract for GSM8K."
)
@click.option(
    "--at-least", type=click.FloatRange(0, 1), default=0.95, show_default=True, help="The share."
)
def main(ours: str, reference: str, metric: str, filter_name: str | None, at_least: float) -> None:
    """See the module."""
    try:
        mine = read_scores(user_path(ours), metric, filter_name)
        theirs = read_scores(user_path(reference), metric, filter_name)
        ratio = score_ratio(mine, theirs)
    except (OSError, ValueError, KeyError) as error:
        raise click.ClickException(str(error)) from error
    means = [sum(scores.values()) / len(scores) for scores in (mine, theirs)]
    click.echo(f"{len(mine)} questions: ours {means[0]:.3f}, reference {means[1]:.3f}")
    click.echo(f"ratio {ratio.value:.1%}, 95 % confidence {ratio.low:.1%} to {ratio.high:.1%}")
    if ratio.low >= at_least:
        click.echo(f"👍 at least {at_least:.0%} of the reference")
    elif ratio.high < at_least:
        click.echo(f"👎 below {at_least:.0%} of the reference")
        sys.exit(EXIT_BELOW)
    else:
        click.echo(f"🤷 {at_least:.0%} is within the interval: ask more questions (--limit)")
        sys.exit(EXIT_UNDECIDED)


if __name__ == "__main__":
    main()
