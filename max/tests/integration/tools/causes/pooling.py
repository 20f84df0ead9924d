"""From the rows of a text's tokens to its vector."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch

from integration.tools.causes.cause import Cause, Trial, is_close

USUAL = (
    Cause("pooling", "another pooling of the rows (1_Pooling/config.json)"),
    Cause("normalization", "vectors have length 1 in one of both (a Normalize in modules.json)"),
)
POOLINGS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "cls": lambda rows: rows[0],
    "mean": lambda rows: rows.mean(0),
    "lasttoken": lambda rows: rows[-1],
    "max": lambda rows: rows.amax(0),
    "mean_sqrt_len_tokens": lambda rows: rows.sum(0) / len(rows) ** 0.5,
    "weightedmean": lambda rows: _weighted_mean(rows),
}


def trials(rows: torch.Tensor, ours: torch.Tensor, theirs: torch.Tensor) -> Iterator[Trial]:
    """What is tried.

    Args:
        rows: of all tokens, [tokens, width].
        ours: our vector, [1, width].
        theirs: PyTorch's.
    """
    made = {
        (name, is_normalized): torch.nn.functional.normalize(vector, dim=-1)
        if is_normalized
        else vector
        for name, function in POOLINGS.items()
        for vector in [function(rows.double())[None]]
        for is_normalized in (True, False)
    }
    own = next((kind for kind, vector in made.items() if is_close(vector, ours, theirs)), None)
    # The same pooling first: lengths that others leave out make them alike.
    for (name, is_normalized), vector in sorted(
        made.items(), key=lambda item: own is None or item[0][0] != own[0]
    ):
        length = "of length 1" if is_normalized else "as it is"
        cause = "normalization" if own is not None and own[0] == name else "pooling"
        yield Trial(cause, f"PyTorch's vector is the rows' {name}, {length}", vector)


def _weighted_mean(rows: torch.Tensor) -> torch.Tensor:
    """The later a token, the heavier."""
    weights = torch.arange(1, len(rows) + 1, dtype=rows.dtype)
    return weights @ rows / weights.sum()
