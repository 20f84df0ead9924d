"""What passes and runners must know of an op: declared beside it, so that they name none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class NativeCall(NamedTuple):
    """A call of an op of ours."""

    op: Any
    args: tuple[Any, ...]


@dataclass(frozen=True)
class OpFacts:
    """The facts of one op.

    Attributes:
        row_arguments: so many of the first arguments are read row by row: row i of the result is
            computed from row i of these, and the other arguments are the same for all rows. An
            argument of fewer axes, or of one row, is the same for all rows too.
        picks_rows: the result is some rows of the first argument, which the others choose.
        is_view: the result is memory of the first argument, looked at in another way, or a number
            that follows from its shape, wherever no other argument is a tensor: it is computed
            without reading elements.
        native: for a target that is not an op of ours: the call of ours that computes the same from
            the target's arguments, in which tensors are real ones or fx nodes; None for arguments
            that none takes.
        layouts: by torch's name of a device ("CPU"), which layout the op reads an argument in, by
            the argument's position.
    """

    row_arguments: int = 0
    picks_rows: bool = False
    is_view: bool = False
    native: Callable[..., NativeCall | None] | None = None
    layouts: Mapping[str, Mapping[int, Any]] = field(default_factory=dict)


NO_FACTS = OpFacts()
