"""Compares the logits of two runs, token by token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from integration.test_common.logit_files import Logits, PromptLogits
from integration.test_common.logit_metrics import cosine_distance, kl_divergence, tolerance_excess


@dataclass(frozen=True)
class Thresholds:
    """How far logits may be from the reference.

    Attributes:
        relative_tolerance: of a logit, as a share of the reference's.
        absolute_tolerance: of a logit, added to that.
        cos_dist: cosine distance of a token's logits.
        kl_div: KL divergence of a token's probabilities, in nats.
    """

    relative_tolerance: float = 1e-3
    absolute_tolerance: float = 1e-4
    cos_dist: float = 1e-3
    kl_div: float = 1e-3


@dataclass(frozen=True)
class TokenDistance:
    """How far one token's logits are from the reference.

    Attributes:
        prompt: number of the prompt.
        step: number of the generated token.
        kl_div: KL divergence, nats.
        cos_dist: cosine distance.
        out_of_tolerance: how many logits are.
        mean_square: mean square of the differences.
        mean_absolute: mean of their magnitudes.
        max_absolute: the largest magnitude.
        absolute_tolerance_needed: smallest absolute tolerance, beside the relative one, that all
            logits keep.
    """

    prompt: int
    step: int
    kl_div: float
    cos_dist: float
    out_of_tolerance: int
    mean_square: float
    mean_absolute: float
    max_absolute: float
    absolute_tolerance_needed: float


@dataclass(frozen=True)
class LogitComparison:
    """Two runs side by side.

    Attributes:
        prompts: the prompts.
        tokens: every token's distance.
        vocab_size: logits of a token.
        diverged: for each prompt, the first step whose most likely tokens differ; None where none.
    """

    prompts: Sequence[str]
    tokens: Sequence[TokenDistance]
    vocab_size: int
    diverged: Sequence[int | None]

    @property
    def max_kl_div(self) -> float:
        """Largest KL divergence; NaN if any is."""
        return float(np.max([token.kl_div for token in self.tokens]))

    @property
    def max_cos_dist(self) -> float:
        """Largest cosine distance; NaN if any is."""
        return float(np.max([token.cos_dist for token in self.tokens]))

    @property
    def root_mean_square(self) -> float:
        """Root mean square of all differences."""
        return float(np.sqrt(np.mean([token.mean_square for token in self.tokens])))

    @property
    def mean_absolute(self) -> float:
        """Mean magnitude of all differences."""
        return float(np.mean([token.mean_absolute for token in self.tokens]))

    @property
    def out_of_tolerance(self) -> int:
        """Logits that exceed the tolerances."""
        return sum(token.out_of_tolerance for token in self.tokens)

    def passes(self, thresholds: Thresholds) -> bool:
        """The rule for logits: no token of no prompt exceeds the KL threshold. NaN fails."""
        return self.max_kl_div <= thresholds.kl_div


def compare_logits(
    results: Sequence[PromptLogits], reference: Sequence[PromptLogits], thresholds: Thresholds
) -> LogitComparison:
    """Compares two runs of the same prompts.

    Raises:
        ValueError: if prompts, numbers of tokens or vocabularies differ.
    """
    _check_comparable(results, reference)
    tokens: list[TokenDistance] = []
    diverged: list[int | None] = []
    for prompt, (mine, theirs) in enumerate(zip(results, reference, strict=True)):
        got = np.stack([value.logits for value in mine.values])
        expected = np.stack([value.logits for value in theirs.values])
        tokens += _distances(prompt, got, expected, thresholds)
        pairs = enumerate(zip(mine.tokens, theirs.tokens, strict=True))
        diverged.append(next((step for step, (a, b) in pairs if a != b), None))
    vocab_size = len(reference[0].values[0].logits)
    return LogitComparison([r.prompt for r in reference], tokens, vocab_size, diverged)


def _distances(
    prompt: int, got: Logits, expected: Logits, thresholds: Thresholds
) -> list[TokenDistance]:
    kl, cos = kl_divergence(expected, got), cosine_distance(expected, got)
    difference = np.abs(got.astype(np.float64) - expected.astype(np.float64))
    relative, absolute = thresholds.relative_tolerance, thresholds.absolute_tolerance
    needed = tolerance_excess(expected, got, relative, 0.0).max(axis=-1)
    # Written so that NaN is out of tolerance.
    outside = ~(tolerance_excess(expected, got, relative, absolute) <= 0)
    return [
        TokenDistance(
            prompt=prompt,
            step=step,
            kl_div=float(kl[step]),
            cos_dist=float(cos[step]),
            out_of_tolerance=int(outside[step].sum()),
            mean_square=float((difference[step] ** 2).mean()),
            mean_absolute=float(difference[step].mean()),
            max_absolute=float(difference[step].max()),
            absolute_tolerance_needed=float(needed[step]),
        )
        for step in range(len(kl))
    ]


def _check_comparable(results: Sequence[PromptLogits], reference: Sequence[PromptLogits]) -> None:
    if len(results) != len(reference):
        raise ValueError(
            f"the files hold {len(results)} and {len(reference)} prompts; make both with the same "
            "prompts (or one with -r OTHER)"
        )
    for number, (mine, theirs) in enumerate(zip(results, reference, strict=True)):
        if mine.prompt != theirs.prompt:
            raise ValueError(
                f"prompt {number} is {mine.prompt!r} in one file and {theirs.prompt!r} in the other"
            )
        if len(mine.values) != len(theirs.values):
            raise ValueError(
                f"prompt {number} has {len(mine.values)} tokens in one file and "
                f"{len(theirs.values)} in the other; use the same --num-steps"
            )
        sizes = {len(value.logits) for value in (*mine.values, *theirs.values)}
        if len(sizes) > 1:
            raise ValueError(f"prompt {number} has logits of {sorted(sizes)} tokens: other models?")
