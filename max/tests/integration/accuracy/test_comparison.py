from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from integration.accuracy.comparison import Thresholds, compare_logits
from integration.test_common.logit_files import TokenLogits
from integration.test_common.logit_metrics import kl_divergence
from integration.test_common.make_logits import VOCAB_SIZE, make_results, shifted


def test_equal_logits() -> None:
    comparison = compare_logits(make_results(), make_results(), Thresholds())
    assert comparison.max_kl_div == 0
    assert comparison.root_mean_square == comparison.mean_absolute == 0
    assert comparison.out_of_tolerance == 0
    assert comparison.diverged == [None, None]
    assert len(comparison.tokens) == 6
    assert comparison.passes(Thresholds(kl_div=0.0))


def test_one_changed_logit() -> None:
    reference = make_results()
    results = shifted(reference, 0.5, prompt=1, step=2)
    comparison = compare_logits(results, reference, Thresholds())
    worst = max(comparison.tokens, key=lambda token: token.kl_div)
    assert (worst.prompt, worst.step) == (1, 2)
    assert worst.max_absolute == pytest.approx(0.5)
    # one of six tokens, one of its 17 logits
    assert comparison.root_mean_square == pytest.approx(math.sqrt(0.25 / (6 * VOCAB_SIZE)))
    assert comparison.mean_absolute == pytest.approx(0.5 / (6 * VOCAB_SIZE))
    assert comparison.out_of_tolerance == 1
    expected = kl_divergence(reference[1].values[2].logits, results[1].values[2].logits)
    assert comparison.max_kl_div == pytest.approx(float(expected))


def test_the_largest_kl_divergence_decides_alone() -> None:
    reference = make_results()
    results = shifted(reference, 0.5, prompt=1, step=2)
    kl_div = compare_logits(results, reference, Thresholds()).max_kl_div
    strict_otherwise = Thresholds(0.0, 0.0, 0.0, kl_div * 1.01)
    assert compare_logits(results, reference, strict_otherwise).passes(strict_otherwise)
    too_strict = Thresholds(9.0, 9.0, 9.0, kl_div * 0.99)
    assert not compare_logits(results, reference, too_strict).passes(too_strict)


def test_nan_never_passes() -> None:
    reference = make_results()
    comparison = compare_logits(shifted(reference, math.nan), reference, Thresholds(kl_div=1e9))
    assert not comparison.passes(Thresholds(kl_div=1e9))
    assert comparison.out_of_tolerance == 1


def test_diverged_tokens_are_found() -> None:
    reference = make_results()
    values = list(reference[1].values)
    values[1] = TokenLogits(int(values[1].logits.argmin()), values[1].logits)
    results = [reference[0], replace(reference[1], values=values)]
    assert compare_logits(results, reference, Thresholds()).diverged == [None, 1]


def test_files_of_other_runs_cannot_be_compared() -> None:
    reference = make_results()
    with pytest.raises(ValueError, match="hold 1 and 2 prompts"):
        compare_logits(reference[:1], reference, Thresholds())
    with pytest.raises(ValueError, match="prompt 1 is 'three' in one file and 'two'"):
        compare_logits(make_results(["one", "three"]), reference, Thresholds())
    with pytest.raises(ValueError, match="prompt 0 has 2 tokens in one file and 3"):
        compare_logits(make_results(steps=2), reference, Thresholds())
    values = [TokenLogits(0, np.zeros(5, np.float32))] * 3
    with pytest.raises(ValueError, match=r"logits of \[5, 17\] tokens"):
        compare_logits([replace(r, values=values) for r in reference], reference, Thresholds())
