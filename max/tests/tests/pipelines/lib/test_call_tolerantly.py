from __future__ import annotations

from functools import partial

import pytest

from max.pipelines.lib.call_tolerantly import call_tolerantly
from max.pipelines.lib.utils import upper_bounded_default


def two(a: int, b: int, *, c: int = 0) -> tuple[int, ...]:
    return a, b, c


def test_hooks_of_packages_get_what_they_take() -> None:
    assert call_tolerantly(two, 1, 2, 3, c=4, d=5) == (1, 2, 4)
    assert call_tolerantly(partial(two, 1), 2, 3) == (1, 2, 0)
    assert call_tolerantly(lambda *a, **k: (a, k), 1, 2, d=5) == ((1, 2), {"d": 5})


def test_hooks_of_our_own_get_everything() -> None:
    assert call_tolerantly(upper_bounded_default, 4, default=3) == 3
    with pytest.raises(TypeError, match="unexpected keyword argument 'other'"):
        call_tolerantly(upper_bounded_default, 4, default=3, other=1)
