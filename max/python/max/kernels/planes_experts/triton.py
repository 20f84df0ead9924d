"""Experts with matrices in planes on a GPU: as `max::experts`, which decodes tiles where need."""

from __future__ import annotations

from max.kernels.experts.triton import run_experts as run_on_gpu

__all__ = ["run_on_gpu"]
