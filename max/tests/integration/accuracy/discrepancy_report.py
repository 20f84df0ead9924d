"""The text that `verify` prints."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from integration.accuracy.comparison import LogitComparison, Thresholds, TokenDistance

TITLE = "===== logit discrepancy report ====="
METRICS = ("tol", "cos", "kl")


def report(
    comparison: LogitComparison,
    thresholds: Thresholds,
    metrics: Collection[str],
    diff_count: int,
) -> str:
    """Describes a comparison.

    Args:
        comparison: the two runs.
        thresholds: what is allowed.
        metrics: which of tol, cos and kl to show in detail; the KL divergence decides in any case.
        diff_count: how many of the worst tokens to show.
    """
    return "\n".join(_lines(comparison, thresholds, metrics, diff_count))


def _lines(
    comparison: LogitComparison,
    thresholds: Thresholds,
    metrics: Collection[str],
    diff_count: int,
) -> Iterator[str]:
    tokens = comparison.tokens
    kl = [token.kl_div for token in tokens]
    yield TITLE
    yield (
        f"{len(comparison.prompts)} prompts, {len(tokens)} tokens, "
        f"{comparison.vocab_size} logits each"
    )
    yield f"KL Div  max {comparison.max_kl_div:.3e}  mean {sum(kl) / len(kl):.3e}"
    yield f"RMSE    {comparison.root_mean_square:.3e}"
    yield f"MAE     {comparison.mean_absolute:.3e}"
    if "cos" in metrics:
        yield f"cos     max {comparison.max_cos_dist:.3e}  threshold {thresholds.cos_dist:g}"
    if "tol" in metrics:
        total = len(tokens) * comparison.vocab_size
        yield (
            f"tol     {comparison.out_of_tolerance} of {total} logits differ by more than "
            f"{thresholds.absolute_tolerance:g} + {thresholds.relative_tolerance:g} * |reference|"
        )
    yield from _worst(comparison, diff_count)
    for prompt, step in enumerate(comparison.diverged):
        if step is not None:
            yield (
                f"prompt {prompt}: the tokens differ from token {step} on, so the logits after it "
                "have different texts before them; rerun one side with -r OTHER"
            )
    passed = comparison.passes(thresholds)
    verdict, relation = ("👍 passed", "<=") if passed else ("👎 failed", "not <=")
    yield f"{verdict}: KL Div {comparison.max_kl_div:.3e} {relation} {thresholds.kl_div:g}"


def _worst(comparison: LogitComparison, count: int) -> Iterator[str]:
    ranked = sorted(comparison.tokens, key=_badness, reverse=True)[:count]
    if ranked and _badness(ranked[0]) > 0:
        yield "worst tokens:"
        for token in ranked:
            yield (
                f"  prompt {token.prompt} token {token.step}: KL {token.kl_div:.3e}, "
                f"cos {token.cos_dist:.3e}, largest difference {token.max_absolute:.3e}, "
                f"{token.out_of_tolerance} logits out of tolerance"
            )


def _badness(token: TokenDistance) -> float:
    return math.inf if math.isnan(token.kl_div) else token.kl_div


def suggest_tolerances(comparison: LogitComparison, thresholds: Thresholds) -> str:
    """Options of `verify` under which this comparison just passes, with a tenth to spare."""
    needed = max(token.absolute_tolerance_needed for token in comparison.tokens)
    suggestions = {
        "--kl-div-threshold": comparison.max_kl_div,
        "--cos-dist-threshold": comparison.max_cos_dist,
        "--absolute-tolerance": needed,
    }
    options = [f"{flag} {round_up(value * 1.1)}" for flag, value in suggestions.items()]
    relative = f"--relative-tolerance {thresholds.relative_tolerance:g}"
    return f"suggested tolerances: {' '.join([*options, relative])}"


def round_up(value: float) -> str:
    """The value with two digits, rounded away from zero: 0.00123 -> 1.3e-03."""
    if value <= 0 or not math.isfinite(value):
        return f"{value:g}"
    exponent = math.floor(math.log10(value)) - 1
    digits = math.ceil(value / 10**exponent)
    return f"{digits * 10.0**exponent:.1e}"
