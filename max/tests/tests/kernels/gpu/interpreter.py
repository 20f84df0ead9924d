"""Triton kernels on CPU tensors, by Triton's interpreter.

`conftest.py` turns it on. It computes bfloat16 wrongly, so tests are in float32 and float16. A
program takes milliseconds: operands are small.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import triton

from max.kernels.float8_entries import decoded


def _make_numbers_of_one_element() -> None:
    """Before 3.7 the interpreter made a loop's length of an array as numpy allows no more."""
    from triton.runtime import interpreter

    patch = interpreter._patch_lang_tensor

    def patch_all(tensor: Any, scope: Any) -> None:
        patch(tensor, scope)
        scope.set_attr(tensor, "__index__", lambda own: int(own.handle.data.squeeze()))

    interpreter._patch_lang_tensor = patch_all


if tuple(map(int, triton.__version__.split(".")[:2])) < (3, 7):
    _make_numbers_of_one_element()


def interpreted(op: str) -> Callable[..., Any]:
    """`run_on_gpu` of an op's `triton.py`."""
    run = importlib.import_module(f"max.kernels.{op}.triton").run_on_gpu

    def run_quietly(*arguments: Any) -> Any:
        # The interpreter computes with numpy, which warns where a GPU gives inf or NaN.
        with np.errstate(all="ignore"):
            return run(*arguments)

    return run_quietly


def assert_alike_in_float8(given: torch.Tensor, wanted: torch.Tensor) -> None:
    """Caches of 8 bits hold the same numbers.

    The interpreter rounds some otherwise than devices do: a mantissa of all ones becomes 1 and the
    exponent stays, which halves the number. Those are few.
    """
    mine, its = decoded(given), decoded(wanted)
    near = (mine - its).abs() <= 2**-3 * its.abs()
    assert near.double().mean() > 0.99, f"{int((~near).sum())} of {near.numel()} differ"
