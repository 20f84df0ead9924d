"""Tests of `max.serve.worker.device_failure`."""

from __future__ import annotations

import pytest
import torch

from max.serve.worker.device_failure import is_device_failure


@pytest.mark.parametrize(
    "error",
    [
        torch.AcceleratorError("CUDA error: an illegal memory access was encountered"),
        RuntimeError("CUDA error: device-side assert triggered"),
        RuntimeError("Triton Error [CUDA]: an illegal memory access was encountered"),
    ],
)
def test_errors_that_stick(error: Exception) -> None:
    assert is_device_failure(error)


@pytest.mark.parametrize(
    "error", [ValueError("no"), MemoryError(), torch.OutOfMemoryError("CUDA out of memory")]
)
def test_errors_that_pass(error: Exception) -> None:
    assert not is_device_failure(error)
