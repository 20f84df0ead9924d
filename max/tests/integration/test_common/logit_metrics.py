"""How far one model's logits are from another's, computed in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
Distances = npt.NDArray[np.float64]

# Added to every probability, so that a token that one model gives none has a finite divergence.
_SMOOTHING = 1e-10


def softmax(logits: Array) -> Distances:
    """Probabilities over the last axis."""
    wide = logits.astype(np.float64)
    weights: Distances = np.exp(wide - wide.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights


def log_softmax(logits: Array) -> Distances:
    """Log probabilities over the last axis."""
    wide = logits.astype(np.float64)
    shifted: Distances = wide - wide.max(axis=-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted


def kl_divergence(reference: Array, logits: Array) -> Distances:
    """KL(reference || logits) of the smoothed token probabilities, in nats.

    Args:
        reference: [..., vocab].
        logits: [..., vocab].

    Returns:
        float64 [...].
    """
    p, q = _smooth(softmax(reference)), _smooth(softmax(logits))
    divergence: Distances = (p * np.log(p / q)).sum(axis=-1)
    return np.maximum(divergence, 0.0)  # below 0 by rounding only


def cosine_distance(reference: Array, values: Array) -> Distances:
    """1 - cosine of the angle between vectors [..., n]; float64 [...]."""
    a, b = reference.astype(np.float64), values.astype(np.float64)
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    distance: Distances = 1 - (a * b).sum(axis=-1) / np.where(norms == 0, 1, norms)
    return distance


def tolerance_excess(
    reference: Array, values: Array, relative: float, absolute: float
) -> Distances:
    """By how much `|values - reference|` exceeds `absolute + relative * |reference|`; 0 if not."""
    a, b = reference.astype(np.float64), values.astype(np.float64)
    excess: Distances = np.abs(b - a) - (absolute + relative * np.abs(a))
    return np.maximum(excess, 0.0)


def _smooth(probabilities: Distances) -> Distances:
    raised = probabilities + _SMOOTHING
    raised /= raised.sum(axis=-1, keepdims=True)
    return raised
