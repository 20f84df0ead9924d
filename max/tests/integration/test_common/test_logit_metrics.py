from __future__ import annotations

import math

import numpy as np
import pytest

from integration.test_common.logit_metrics import (
    cosine_distance,
    kl_divergence,
    log_softmax,
    softmax,
    tolerance_excess,
)


def test_softmax_of_large_logits() -> None:
    np.testing.assert_allclose(softmax(np.array([1000.0, 1000.0])), [0.5, 0.5])
    np.testing.assert_allclose(log_softmax(np.array([1000.0, 1000.0])), [-math.log(2)] * 2)


def test_kl_divergence_of_two_coins() -> None:
    # p = (1/2, 1/2), q = (3/4, 1/4): KL(p || q) = 1/2 ln(2/3) + 1/2 ln 2
    p, q = np.log([0.5, 0.5]), np.log([0.75, 0.25])
    expected = 0.5 * math.log(2 / 3) + 0.5 * math.log(2)
    assert kl_divergence(p, q) == pytest.approx(expected, abs=1e-8)
    # The other way round it is another number: 3/4 ln(3/2) + 1/4 ln(1/2)
    other = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert kl_divergence(q, p) == pytest.approx(other, abs=1e-8)


def test_kl_divergence_is_per_row_and_never_negative() -> None:
    rows = np.random.default_rng(0).normal(size=(5, 100)).astype(np.float32)
    assert kl_divergence(rows, rows).tolist() == [0.0] * 5
    assert (kl_divergence(rows, rows + 3) < 1e-12).all()  # softmax does not see a constant


def test_kl_divergence_is_finite_where_a_token_is_impossible() -> None:
    divergence = kl_divergence(np.array([0.0, 0.0]), np.array([0.0, -math.inf]))
    # 1/2 ln(1/2) + 1/2 ln(1/2 / 1e-10), with the smoothing of 1e-10
    assert divergence == pytest.approx(0.5 * math.log(0.5) + 0.5 * math.log(0.5e10), abs=1e-6)


def test_nan_stays_visible() -> None:
    assert np.isnan(kl_divergence(np.zeros(2), np.array([0.0, math.nan])))


def test_cosine_distance() -> None:
    a = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    b = np.array([[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0], [1.0, 0.0]])
    np.testing.assert_allclose(cosine_distance(a, b), [0.0, 1.0, 2.0, 1.0], atol=1e-12)


def test_tolerance_excess() -> None:
    reference, values = np.array([10.0, 10.0, -10.0]), np.array([10.5, 11.5, -12.0])
    # allowed: 0.5 + 0.1 * 10 = 1.5
    np.testing.assert_allclose(tolerance_excess(reference, values, 0.1, 0.5), [0.0, 0.0, 0.5])
