"""What `max::elementwise` can compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F


class ElementwiseFunction(NamedTuple):
    """One function.

    Attributes:
        reference: computes it by torch: of one tensor, or of a tensor and a tensor or number.
        operands: 2 where it takes a second tensor or, instead, a number.
        numbers: how many numbers it takes besides.
    """

    reference: Callable[..., torch.Tensor]
    operands: int = 1
    numbers: int = 0


def _extremum(
    of_tensors: Callable[..., torch.Tensor], with_number: Callable[..., torch.Tensor]
) -> Callable[..., torch.Tensor]:
    def extremum(a: torch.Tensor, b: Any) -> torch.Tensor:
        return of_tensors(a, b) if isinstance(b, torch.Tensor) else with_number(a, b)

    return extremum


def _quick_gelu(x: torch.Tensor) -> torch.Tensor:
    wide = x.float()
    return (wide * torch.sigmoid(1.702 * wide)).to(x.dtype)


def _soft_cap(x: torch.Tensor, cap: float) -> torch.Tensor:
    return (cap * torch.tanh(x.float() / cap)).to(x.dtype)


# By name, in the order in which cpu.cpp counts them.
FUNCTIONS: Mapping[str, ElementwiseFunction] = MappingProxyType(
    {
        "add": ElementwiseFunction(lambda a, b: a + b, operands=2),
        "sub": ElementwiseFunction(lambda a, b: a - b, operands=2),
        "reverse_sub": ElementwiseFunction(lambda a, b: b - a, operands=2),
        "mul": ElementwiseFunction(lambda a, b: a * b, operands=2),
        "div": ElementwiseFunction(lambda a, b: a / b, operands=2),
        "maximum": ElementwiseFunction(_extremum(torch.maximum, torch.clamp_min), operands=2),
        "minimum": ElementwiseFunction(_extremum(torch.minimum, torch.clamp_max), operands=2),
        "cast": ElementwiseFunction(torch.clone),
        "negate": ElementwiseFunction(torch.neg),
        "abs": ElementwiseFunction(torch.abs),
        "square": ElementwiseFunction(torch.square),
        "reciprocal": ElementwiseFunction(torch.reciprocal),
        "sqrt": ElementwiseFunction(torch.sqrt),
        "rsqrt": ElementwiseFunction(torch.rsqrt),
        "exp": ElementwiseFunction(torch.exp),
        "tanh": ElementwiseFunction(torch.tanh),
        "erf": ElementwiseFunction(torch.erf),
        "sigmoid": ElementwiseFunction(torch.sigmoid),
        "silu": ElementwiseFunction(F.silu),
        "gelu": ElementwiseFunction(F.gelu),
        "gelu_tanh": ElementwiseFunction(lambda x: F.gelu(x, approximate="tanh")),
        "gelu_quick": ElementwiseFunction(_quick_gelu),
        "relu": ElementwiseFunction(torch.relu),
        "clamp": ElementwiseFunction(torch.clamp, numbers=2),
        "soft_cap": ElementwiseFunction(_soft_cap, numbers=1),
    }
)
CODES: Mapping[str, int] = MappingProxyType({name: code for code, name in enumerate(FUNCTIONS)})


def function_named(name: str, b: object, numbers: Sequence[float]) -> ElementwiseFunction:
    """The function of that name.

    Raises:
        ValueError: if there is none, or if it takes other operands.
    """
    if name not in FUNCTIONS:
        raise ValueError(f"no elementwise function '{name}'; known: {', '.join(FUNCTIONS)}")
    function = FUNCTIONS[name]
    wanted = function.numbers + (function.operands == 2 and b is None)
    if len(numbers) != wanted or (b is not None and function.operands == 1):
        given = f"{1 if b is None else 2} tensors and {len(numbers)} numbers"
        also = ", or two tensors" if function.operands == 2 else ""
        raise ValueError(f"'{name}' takes a tensor and {wanted} numbers{also}; given: {given}")
    return function
