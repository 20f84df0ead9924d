"""What the ops' `triton.py` have in common."""

# build: deps = ["@pip_dev//:triton"]

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest
import torch

import max.kernels
from max.kernels.gpu.tuning import device_kind, row_config
from max.kernels.registry import has_gpu_kernel

OPS = sorted(path.parent.name for path in Path(max.kernels.__file__).parent.glob("*/triton.py"))


@pytest.mark.parametrize("op", OPS)
def test_a_kernel_takes_what_the_reference_takes(op: str) -> None:
    assert has_gpu_kernel(getattr(torch.ops.max, op).default)
    found = importlib.import_module(f"max.kernels.{op}.triton").run_on_gpu
    reference = getattr(importlib.import_module(f"max.kernels.{op}.reference"), f"{op}_reference")
    assert list(inspect.signature(found).parameters) == list(
        inspect.signature(reference).parameters
    )


def test_a_row_has_as_many_warps_as_it_keeps_busy() -> None:
    assert row_config(4096).blocks == {"BLOCK": 4096} and row_config(4096).num_warps == 16
    assert row_config(65).blocks == {"BLOCK": 128} and row_config(65).num_warps == 1


def test_the_interpreter_is_the_oldest_device() -> None:
    assert device_kind(torch.device("cpu")) == "sm_80"
