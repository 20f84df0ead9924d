"""Triton as the kernels use it: decorators with types, and the kinds of arguments.

A kernel's parameters say by their annotations what they are: `Pointer` (a tensor), `Width` (a size
or stride of the model: what it divides by is compiled in, which makes wide loads possible), `Size`
(a length that changes from call to call: nothing of it is), `Number` (a float), or `tl.constexpr`
(fixed in the code). What its functions compute with is a `Value`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

import triton
import triton.language as tl

# Triton lets a kernel name only what is Triton's, in annotations too.
Pointer: TypeAlias = tl.tensor
Width: TypeAlias = tl.tensor
Size: TypeAlias = tl.tensor
Number: TypeAlias = tl.tensor
Value: TypeAlias = tl.tensor


def gpu_kernel(function: Callable[..., None]) -> Any:
    """A function that runs once per program of a grid: `kernel[grid](arguments)`."""
    parameters = inspect.signature(function).parameters.values()
    sizes = [each.name for each in parameters if each.annotation == "Size"]
    return triton.jit(function, do_not_specialize=sizes)


def gpu_function(function: Callable[..., Any]) -> Any:
    """A function that kernels call; it is compiled into them."""
    return triton.jit(function)


next_power_of_2: Callable[[int], int] = triton.next_power_of_2
cdiv: Callable[[int, int], int] = triton.cdiv

__all__ = [
    "Number",
    "Pointer",
    "Size",
    "Value",
    "Width",
    "cdiv",
    "gpu_function",
    "gpu_kernel",
    "next_power_of_2",
    "tl",
]
