"""A cause, and how well it explains the difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch

# A change that leaves more of the difference than this is no help.
_HELPFUL = 0.5


@dataclass(frozen=True)
class Trial:
    """A change of our computation.

    Attributes:
        cause: what is wrong if it helps: a short name.
        text: the same for people, with what to change.
        result: what we get with the change.
    """

    cause: str
    text: str
    result: torch.Tensor


@dataclass(frozen=True)
class Cause:
    """Why a tensor may depart.

    Attributes:
        name: short.
        text: for people.
        left: share of the difference that remains with the change; None for a usual cause that
            was not tried, or that the trials neither show nor exclude.
    """

    name: str
    text: str
    left: float | None = None

    @property
    def is_shown(self) -> bool:
        """Whether the change gives PyTorch's tensor."""
        return self.left is not None and self.left < 0.02


def judge(
    trials: Iterable[Trial], ours: torch.Tensor, theirs: torch.Tensor, usual: Sequence[Cause]
) -> list[Cause]:
    """The causes, likeliest first: those whose change gives PyTorch's tensor, those whose change
    removes most of the difference, the usual ones.

    Args:
        trials: changes, those with more to fit later: of two that give PyTorch's tensor the earlier
            is likelier. Of several with one name the best counts.
        ours: our tensor.
        theirs: PyTorch's.
        usual: what else it often is, most often first.
    """
    best: dict[str, Cause] = {}
    before = _length(ours - theirs) if ours.shape == theirs.shape else _length(theirs)
    for trial in _of_shape(trials, theirs):
        cause = Cause(trial.cause, trial.text, _length(trial.result - theirs) / before)
        known = best.get(trial.cause)
        if known is None or (not known.is_shown and _left(cause) < _left(known)):
            best[trial.cause] = cause
    shown = [cause for cause in best.values() if cause.is_shown]
    helpful = [c for c in best.values() if not c.is_shown and _left(c) < _HELPFUL]
    tried = [*shown, *sorted(helpful, key=_left)]
    names = {cause.name for cause in tried}
    return [*tried, *(cause for cause in usual if cause.name not in names)]


def is_close(result: torch.Tensor, theirs: torch.Tensor, ours: torch.Tensor) -> bool:
    """Whether a result is PyTorch's tensor, as against ours."""
    return Cause("", "", _length(result - theirs) / _length(ours - theirs)).is_shown


def _left(cause: Cause) -> float:
    return 1.0 if cause.left is None else cause.left


def _of_shape(trials: Iterable[Trial], theirs: torch.Tensor) -> Iterator[Trial]:
    return (t for t in trials if t.result.shape == theirs.shape and bool(t.result.isfinite().all()))


def _length(tensor: torch.Tensor) -> float:
    return float(tensor.double().norm()) or 1e-30
