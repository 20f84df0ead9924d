from __future__ import annotations

import pytest

from integration.accuracy.comparison import Thresholds, compare_logits
from integration.accuracy.discrepancy_report import (
    METRICS,
    TITLE,
    report,
    round_up,
    suggest_tolerances,
)
from integration.test_common.make_logits import make_results, shifted


def make_report(amount: float, metrics: tuple[str, ...] = METRICS, diff_count: int = 4) -> str:
    reference = make_results()
    comparison = compare_logits(shifted(reference, amount), reference, Thresholds())
    return report(comparison, Thresholds(), metrics, diff_count)


def test_passed() -> None:
    text = make_report(0.0)
    assert text.startswith(TITLE)
    assert "👍 passed: KL Div 0.000e+00 <= 0.001" in text
    assert "worst" not in text


def test_failed_shows_the_worst_tokens() -> None:
    text = make_report(5.0)
    assert "👎 failed" in text
    assert "prompt 0 token 0: KL" in text
    assert "largest difference 5.000e+00" in text
    for word in ("KL Div", "RMSE", "MAE"):
        assert word in text


def test_nan_is_the_worst_token_and_fails() -> None:
    text = make_report(float("nan"))
    assert "prompt 0 token 0: KL nan" in text
    assert "👎 failed: KL Div nan not <= 0.001" in text


def test_only_the_chosen_metrics() -> None:
    text = make_report(5.0, metrics=("cos",), diff_count=0)
    assert "cos     max" in text
    assert "tol     " not in text
    assert "worst" not in text


def test_divergence_is_explained() -> None:
    reference = make_results()
    other = make_results(seed=1)
    text = report(compare_logits(other, reference, Thresholds()), Thresholds(), METRICS, 1)
    assert "prompt 0: the tokens differ from token 0 on" in text
    assert "-r OTHER" in text


def test_suggested_tolerances_just_pass() -> None:
    reference = make_results()
    results = shifted(reference, 0.5)
    words = suggest_tolerances(
        compare_logits(results, reference, Thresholds()), Thresholds()
    ).split()
    given = dict(zip(words[2::2], map(float, words[3::2]), strict=True))
    thresholds = Thresholds(
        given["--relative-tolerance"],
        given["--absolute-tolerance"],
        given["--cos-dist-threshold"],
        given["--kl-div-threshold"],
    )
    comparison = compare_logits(results, reference, thresholds)
    assert comparison.passes(thresholds)
    assert comparison.out_of_tolerance == 0
    assert thresholds.cos_dist / 1.3 < comparison.max_cos_dist <= thresholds.cos_dist


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.00123, "1.3e-03"), (0.0012, "1.2e-03"), (999.0, "1.0e+03"), (0.0, "0"), (-1.0, "-1")],
)
def test_round_up(value: float, text: str) -> None:
    assert round_up(value) == text
