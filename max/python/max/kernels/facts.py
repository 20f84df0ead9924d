"""What passes and runners must know of an op: declared beside it, so that they name none."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from max.kernels.layouts import LayoutUse


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
        is_view: the result is memory of the first argument, which the others choose by numbers: as
            long as it exists, nothing is computed.
        picks_rows: the result is some rows of the first argument, which the others choose.
        native: for a target that is not an op of ours: the call of ours that computes the same from
            the target's arguments, in which tensors are real ones or fx nodes; None for arguments
            that none takes.
        is_sum: it adds its two arguments.
        of_sum: the op of ours that takes two summands in the place of the first argument, and gives
            their sum and what this op makes of it: a kernel and a way through memory less on a GPU.
        norms_last_axis: it norms the last axis of its first argument, whose size the second has.
        with_norms: the call that computes the same of the first two arguments before they were
            normed: of the norms' other arguments, and its own; None where none does.
        join_key: calls of one input and one key can be one call, whose other arguments are lists.
        shared_out: the argument that is a list of weights whose outputs, one weight's after the
            other's, are what threads share out among them.
    """

    row_arguments: int = 0
    is_view: bool = False
    picks_rows: bool = False
    native: Callable[..., NativeCall | None] | None = None
    layouts: Mapping[str, Mapping[int, LayoutUse]] = field(default_factory=dict)
    is_sum: bool = False
    of_sum: Any = None
    norms_last_axis: bool = False
    with_norms: Callable[..., NativeCall | None] | None = None
    join_key: Callable[..., Hashable] | None = None
    shared_out: int | None = None


NO_FACTS = OpFacts()
