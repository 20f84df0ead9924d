"""Choosing tokens from distributions: one uniform number per row, through the inverse CDF.

Everything here works row by row, and the choice in a row is a function of that row alone: of its
logits, its limits and its uniform number. Ties in the logits are broken by the smaller token id.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

# Most distributions have their kept tokens among so few. For the others the number grows until it
# is enough: sorting a large vocabulary takes a hundred times longer than finding its top 256.
_FEWEST_CANDIDATES = 256
_MORE_CANDIDATES = 16


def choose_tokens_reference(
    logits: torch.Tensor,
    top_k: torch.Tensor,
    top_p: torch.Tensor,
    min_p: torch.Tensor,
    uniforms: torch.Tensor,
) -> torch.Tensor:
    """Chooses a token in each row: by ids in rows without limits, else by rank.

    Implementations may differ where the uniform number, or a limit, is within rounding errors of
    the mass of some tokens.

    Args:
        logits: float32 [rows, vocab_size], divided by the temperature; not all -inf, no NaN.
        top_k: int64 [rows], at least 1; vocab_size for no limit.
        top_p: float64 [rows] in (0, 1].
        min_p: float64 [rows] in [0, 1].
        uniforms: float64 [rows] in [0, 1).

    Returns:
        int64 [rows].
    """
    limits = Limits(top_k, top_p, min_p)
    is_limited = (top_k < logits.shape[-1]) | (top_p < 1) | (min_p > 0)
    tokens = torch.empty_like(top_k)
    if len(limited := is_limited.nonzero().squeeze(-1)):
        tokens[limited] = choose_limited(logits[limited], limits.take(limited), uniforms[limited])
    if len(unlimited := (~is_limited).nonzero().squeeze(-1)):
        tokens[unlimited] = choose_unlimited(logits[unlimited], uniforms[unlimited])
    return tokens


@dataclass(frozen=True)
class Limits:
    """Which tokens may be chosen, per row; each `[rows]`.

    Attributes:
        top_k: int64, at least 1; the vocabulary's size for no limit.
        top_p: float64, in (0, 1].
        min_p: float64, in [0, 1].
    """

    top_k: torch.Tensor
    top_p: torch.Tensor
    min_p: torch.Tensor

    def take(self, rows: torch.Tensor) -> Limits:
        """The limits of some rows."""
        return Limits(self.top_k[rows], self.top_p[rows], self.min_p[rows])


def choose_unlimited(logits: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """Chooses among all tokens.

    Args:
        logits: `float32[rows, vocab_size]`, divided by the temperature.
        uniforms: `float64[rows]` in [0, 1).

    Returns:
        `int64[rows]`, the tokens.
    """
    return _inverse_cdf(torch.softmax(logits, -1).double(), uniforms)


def choose_limited(logits: torch.Tensor, limits: Limits, uniforms: torch.Tensor) -> torch.Tensor:
    """Chooses among the tokens that top_k, top_p and min_p leave, in this order, as Hugging Face.

    top_p is a share of the mass that top_k leaves; min_p is relative to the most likely token. The
    most likely token always stays.

    Args:
        logits: `float32[rows, vocab_size]`, divided by the temperature.
        limits: Which tokens may be chosen.
        uniforms: `float64[rows]` in [0, 1).

    Returns:
        `int64[rows]`, the tokens.
    """
    probabilities = torch.softmax(logits, -1)
    vocab_size = logits.shape[-1]
    largest_k = int(torch.where(limits.top_k < vocab_size, limits.top_k, 0).max())
    num_candidates = min(vocab_size, max(_FEWEST_CANDIDATES, 2 * largest_k))
    tokens, is_final = _choose_ranked(logits, probabilities, limits, uniforms, num_candidates)
    rows = (~is_final).nonzero().squeeze(-1)
    while len(rows):
        num_candidates = min(vocab_size, _MORE_CANDIDATES * num_candidates)
        tokens[rows], is_final = _choose_ranked(
            logits[rows], probabilities[rows], limits.take(rows), uniforms[rows], num_candidates
        )
        rows = rows[~is_final]
    return tokens


def _choose_ranked(
    logits: torch.Tensor,
    probabilities: torch.Tensor,
    limits: Limits,
    uniforms: torch.Tensor,
    num_candidates: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Chooses among the best candidates; also says where they were enough to be sure."""
    ranked = _rank(logits, num_candidates)
    mass = probabilities.gather(-1, ranked).double()
    cumulative = mass.cumsum(-1)

    rank = torch.arange(num_candidates, device=logits.device)
    last_of_k = (limits.top_k - 1).clamp(max=num_candidates - 1).unsqueeze(-1)
    is_limited = limits.top_k < logits.shape[-1]
    mass_of_k = torch.where(is_limited, cumulative.gather(-1, last_of_k).squeeze(-1), 1.0)

    nucleus = torch.where(limits.top_p < 1, limits.top_p * mass_of_k, torch.inf)
    kept = (
        (rank < limits.top_k.unsqueeze(-1))
        & (cumulative - mass < nucleus.unsqueeze(-1))
        & (mass >= limits.min_p.unsqueeze(-1) * mass[:, :1])
    )
    kept[:, 0] = True
    position = _inverse_cdf(torch.where(kept, mass, 0.0), uniforms)
    tokens = ranked.gather(-1, position.unsqueeze(-1)).squeeze(-1)

    # The candidates after the last kept one must include a less likely token: then no token that
    # ties with the last kept one was left out of the candidates.
    last_kept = kept.sum(-1, keepdim=True) - 1
    values = logits.gather(-1, ranked)
    is_final = values.gather(-1, last_kept).squeeze(-1) > values[:, -1]
    return tokens, is_final | (num_candidates == logits.shape[-1])


def _rank(logits: torch.Tensor, num_candidates: int) -> torch.Tensor:
    """The tokens of the largest logits, `int64[rows, num_candidates]`, the smaller id first."""
    if num_candidates == logits.shape[-1]:
        return logits.sort(dim=-1, descending=True, stable=True).indices
    by_id = logits.topk(num_candidates, dim=-1, sorted=False).indices.sort(dim=-1).values
    order = logits.gather(-1, by_id).sort(dim=-1, descending=True, stable=True).indices
    return by_id.gather(-1, order)


def _inverse_cdf(mass: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """The first column whose cumulated mass exceeds `uniform x total`; its own mass is positive."""
    cumulative = mass.cumsum(-1)
    targets = (uniforms * cumulative[:, -1]).unsqueeze(-1)
    columns = torch.searchsorted(cumulative, targets, right=True)
    last_positive = torch.searchsorted(cumulative, cumulative[:, -1:].contiguous())
    return torch.minimum(columns, last_positive).squeeze(-1)
