from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from integration.test_common.json_arrays import dumps, loads


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3)])
def test_arrays_come_back(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape, dtype=int)).astype(dtype).reshape(shape)
    back = loads(dumps({"a": [array]}))["a"][0]
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    assert back.shape == shape


def test_documented_form() -> None:
    array = np.array([1.5, -2.0], dtype=np.float32)
    assert json.loads(dumps(array)) == {
        "__np__": base64.b64encode(array.tobytes()).decode(),
        "shape": [2],
        "dtype": "float32",
    }


def test_not_contiguous_array() -> None:
    array = np.arange(6.0).reshape(2, 3).T
    np.testing.assert_array_equal(loads(dumps(array)), array)


def test_numpy_scalars_are_plain_numbers() -> None:
    assert json.loads(dumps([np.int64(5), np.float32(0.5)])) == [5, 0.5]


def test_nan_and_infinity_survive_in_arrays() -> None:
    array = np.array([np.nan, np.inf, -np.inf], dtype=np.float32)
    np.testing.assert_array_equal(loads(dumps(array)), array)


@pytest.mark.parametrize(
    "change", [{"shape": [3]}, {"shape": "ab"}, {"dtype": "nonsense"}, {"__np__": "!!"}]
)
def test_broken_array(change: dict[str, object]) -> None:
    text = json.dumps(json.loads(dumps(np.zeros(2))) | change)
    with pytest.raises(ValueError, match="broken array"):
        loads(text)


def test_other_values_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="object cannot be written as JSON"):
        dumps(object())
