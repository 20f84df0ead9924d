"""Tests of `max.pipelines.scheduling.deviation`."""

from __future__ import annotations

from random import Random

import pytest

from max.pipelines.scheduling.deviation import Deviation


@pytest.mark.parametrize("noise", [0.005, 0.02, 0.04])
def test_nearly_all_observations_are_within_what_is_told(noise: float) -> None:
    random, deviation = Random(0), Deviation()
    exceeded = 0
    for number in range(4_000):
        ratio = random.gauss(1, noise)
        exceeded += number >= 100 and ratio > deviation.most
        deviation.observe(ratio)
    # 1 % of a normal distribution; a few more, as the deviation is known from some 20 of them.
    assert exceeded / 3_900 < 0.03
    assert deviation.most < 1 + 4 * noise


def test_predictions_that_come_true_leave_no_room() -> None:
    deviation = Deviation()
    for _ in range(200):
        deviation.observe(1.0)
    assert deviation.most < 1.001


def test_what_took_the_cores_once_is_an_outlier() -> None:
    deviation = Deviation()
    deviation.observe(30.0)
    assert deviation.most < 1.1
