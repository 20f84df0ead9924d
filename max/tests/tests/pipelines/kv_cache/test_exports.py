"""The package's names, and that none of them costs an import of torch before its use."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import max.pipelines.kv_cache as kv_cache
from max.pipelines.config import KVCacheConfig


@pytest.mark.parametrize("name", kv_cache.__all__)
def test_every_exported_name_is_there(name: str) -> None:
    assert getattr(kv_cache, name).__name__ == name


def test_the_configuration_is_the_one_of_the_config_package() -> None:
    assert kv_cache.KVCacheConfig is KVCacheConfig


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'PagedKVCache'"):
        kv_cache.PagedKVCache  # noqa: B018 - the access is the test


@pytest.mark.parametrize("module", ["max.pipelines.kv_cache", "max.pipelines.scheduling"])
def test_importing_does_not_import_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert done.returncode == 0
