"""What `max::elementwise` computes, in plain torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from max.kernels.elementwise.functions import function_named


def elementwise_reference(
    a: torch.Tensor,
    b: torch.Tensor | None,
    function: str,
    numbers: Sequence[float] = (),
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    """`function(a)` or `function(a, b)`, element by element; shapes broadcast as in torch.

    Computed in float32 and rounded once where dtypes are shorter, as torch computes; a number that
    is added or subtracted is rounded before.

    Args:
        a: any shape.
        b: the second operand; None for a function of one tensor, and where it is a number.
        function: a name of `elementwise.functions`.
        numbers: the second operand, if it is a number; bounds of "clamp", cap of "soft_cap".
        dtype: of the result; what torch gives unless given.

    Raises:
        ValueError: if there is no such function, or if it takes other operands.
    """
    found = function_named(function, b, numbers)
    operands = numbers if b is None else [b]
    result = found.reference(a, *operands)
    return result if dtype is None else result.to(dtype)
