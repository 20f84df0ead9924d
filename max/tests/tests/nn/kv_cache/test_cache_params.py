"""Sizes of caches, and what they hand to a graph."""

from __future__ import annotations

from dataclasses import replace

import pytest

from max.dtype import DType
from max.graph import DeviceRef
from max.nn.kv_cache import All, KVCacheParams, MultiKVCacheParams, Window

PARAMS = KVCacheParams(DType.float32, 2, 8, 6, [DeviceRef.CPU()], page_size=16)


def test_one_group_has_the_documented_inputs() -> None:
    assert PARAMS.shape_per_block == [2, 6, 16, 2, 8]
    assert PARAMS.bytes_per_block == 2 * 6 * 16 * 2 * 8 * 4
    inputs = PARAMS.get_symbolic_inputs()
    flat = inputs.flatten()
    assert len(flat) == 5
    (values,) = inputs.unflatten(flat)  # type: ignore[arg-type]
    assert values.kv_blocks is flat[0]
    assert (values.layer(4).values, values.layer(4).index) == (values, 4)


def test_layers_that_see_a_window() -> None:
    assert PARAMS.with_windows([None] * 6) == PARAMS
    assert PARAMS.with_windows([9] * 6).groups[0].keep == Window(9)
    params = PARAMS.with_windows([9, 9, None, 9, 9, None])
    assert [(group.layers, group.keep) for group in params.groups] == [
        ((0, 1, 3, 4), Window(9)),
        ((2, 5), All()),
    ]
    with pytest.raises(ValueError, match="num_layers=6, but 2 windows"):
        PARAMS.with_windows([9, 9])


def test_each_layer_gets_the_tables_of_its_group() -> None:
    inputs = PARAMS.with_windows([9, 9, None, 9, 9, None]).get_symbolic_inputs()
    flat = inputs.flatten()
    assert len(flat) == 5 + 2  # Two tables more, which see the same pages.
    (cache,) = inputs.unflatten(flat)  # type: ignore[arg-type]
    places = [cache.layer(i) for i in range(6)]
    assert [place.index for place in places] == [0, 1, 0, 0, 1, 1]
    lookups = [place.values.lookup_table for place in places]
    assert lookups[0] is lookups[1] is flat[2]
    assert lookups[3] is lookups[4] is flat[5]
    assert lookups[2] is lookups[5] is flat[6]
    assert all(place.values.kv_blocks is flat[0] for place in places)
    assert all(place.values.cache_lengths is flat[1] for place in places)


def test_groups_of_different_heads_see_the_pages_in_different_ways() -> None:
    params = MultiKVCacheParams.from_params(
        {"full": replace(PARAMS, num_layers=1, n_kv_heads=1), "window": replace(PARAMS, window=5)},
        {"full": [6], "window": range(6)},
    )
    (cache,) = params.get_symbolic_inputs().inputs
    assert cache.layer(6).values.kv_blocks is not cache.layer(0).values.kv_blocks
    shapes = [table.shape for table in params.layout.tables]
    assert shapes == [(2, 1, 16, 1, 8), *[(2, 1, 16, 2, 8)] * 6]


def test_layers_of_groups_are_numbered_in_order_unless_given() -> None:
    params = MultiKVCacheParams.from_params({"a": PARAMS, "b": replace(PARAMS, window=3)})
    assert [group.layers for group in params.groups] == [tuple(range(6)), tuple(range(6, 12))]


def test_groups_that_do_not_fit_together_are_refused() -> None:
    one = replace(PARAMS, num_layers=1)
    with pytest.raises(ValueError, match=r"'a' has num_layers=6, but layers \[1\]"):
        MultiKVCacheParams.from_params({"a": PARAMS}, {"a": [1]})
    with pytest.raises(ValueError, match="'b' differs from 'a' in page_size"):
        MultiKVCacheParams.from_params(
            {"a": one, "b": replace(one, page_size=8)}, {"a": [0], "b": [1]}
        )
    with pytest.raises(ValueError, match=r"each in one group, got {'a': .0., 'b': .0.}"):
        MultiKVCacheParams.from_params({"a": one, "b": one}, {"a": [0], "b": [0]})
    with pytest.raises(NotImplementedError, match="2 devices"):
        MultiKVCacheParams(PARAMS.groups, [DeviceRef.CPU()] * 2)
