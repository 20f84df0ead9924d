"""The cache's parameters from its configuration."""

from __future__ import annotations

from typing import Any

import pytest

from max.dtype import DType
from max.graph import DeviceRef
from max.pipelines.config import KVCacheConfig


def test_to_params() -> None:
    config = KVCacheConfig(kv_cache_page_size=16, enable_prefix_caching=False)
    params = config.to_params(
        dtype=DType.bfloat16,
        n_kv_heads=2,
        head_dim=8,
        num_layers=3,
        devices=[DeviceRef.CPU()],
        num_q_heads=4,
    )
    assert list(params.shape_per_block) == [2, 3, 16, 2, 8]
    assert params.dtype is DType.bfloat16
    assert not params.enable_prefix_caching


def test_a_latent_cache() -> None:
    params = KVCacheConfig().to_params(DType.float32, 1, 8, 3, [DeviceRef.CPU()], is_mla=True)
    assert params.is_mla
    assert next(iter(params.shape_per_block)) == 1, "one entry stands for keys and values"


@pytest.mark.parametrize("argument", [{"num_draft_tokens": 2}, {"speculative_method": "eagle"}])
def test_arguments_to_come(argument: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError, match="not supported in this release"):
        KVCacheConfig().to_params(DType.float32, 1, 8, 1, [DeviceRef.CPU()], **argument)


def test_cache_dtype() -> None:
    assert KVCacheConfig().cache_dtype(DType.float32) is DType.float32
    assert KVCacheConfig(kv_cache_format="bfloat16").cache_dtype(DType.float32) is DType.bfloat16
