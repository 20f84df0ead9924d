"""The table of rope scalings: what config.json calls them, and how their parameters are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from max.nn.rope.long_context import LongRoPEScalingParams, YarnScalingParams
from max.nn.rope.scaling import (
    DynamicScalingParams,
    LinearScalingParams,
    Llama3RopeScalingParams,
    RopeScaling,
)


def _linear(given: Mapping[str, Any], positions: int) -> RopeScaling:
    return LinearScalingParams(float(given["factor"]))


def _dynamic(given: Mapping[str, Any], positions: int) -> RopeScaling:
    return DynamicScalingParams(float(given["factor"]), positions)


def _llama3(given: Mapping[str, Any], positions: int) -> RopeScaling:
    return Llama3RopeScalingParams(
        factor=float(given["factor"]),
        low_freq_factor=float(given["low_freq_factor"]),
        high_freq_factor=float(given["high_freq_factor"]),
        orig_max_position=int(given["original_max_position_embeddings"]),
    )


def _yarn(given: Mapping[str, Any], positions: int) -> RopeScaling:
    original = given.get("original_max_position_embeddings") or positions
    return YarnScalingParams(
        factor=float(given["factor"]),
        original_max_position_embeddings=int(original),
        beta_fast=float(given.get("beta_fast") or 32.0),
        beta_slow=float(given.get("beta_slow") or 1.0),
        truncate=bool(given.get("truncate", True)),
        mscale=float(given.get("mscale") or 0.0),
        mscale_all_dim=float(given.get("mscale_all_dim") or 0.0),
        attention_factor=given.get("attention_factor"),
    )


def _longrope(given: Mapping[str, Any], positions: int) -> RopeScaling:
    original = int(given["original_max_position_embeddings"])
    factor = given.get("factor")
    return LongRoPEScalingParams(
        short_factor=tuple(map(float, given["short_factor"])),
        long_factor=tuple(map(float, given["long_factor"])),
        original_max_position=original,
        max_position_embeddings=positions if factor is None else float(factor) * original,
        attention_factor=given.get("attention_factor"),
    )


# `rope_type` -> what reads its parameters, given `max_position_embeddings`.
ROPE_SCALINGS: Mapping[str, Callable[[Mapping[str, Any], int], RopeScaling]] = {
    "linear": _linear,
    "dynamic": _dynamic,
    "llama3": _llama3,
    "yarn": _yarn,
    "longrope": _longrope,
}
# Parameters that any of them reads, and those of the angles themselves.
_KNOWN = frozenset(
    {
        *("rope_type", "type", "rope_theta", "partial_rotary_factor"),
        *("factor", "original_max_position_embeddings", "attention_factor"),
        *("low_freq_factor", "high_freq_factor"),
        *("beta_fast", "beta_slow", "truncate", "mscale", "mscale_all_dim"),
        *("short_factor", "long_factor"),
    }
)


def rope_scaling_of(parameters: Mapping[str, Any], max_positions: int) -> RopeScaling | None:
    """The scaling that config.json asks for; None for none.

    Args:
        parameters: `rope_parameters` (or `rope_scaling`), with "rope_type".
        max_positions: `max_position_embeddings`.

    Raises:
        ValueError: for a type that is not in the table, or a parameter that is missing or unknown.
    """
    if unknown := [f"{k}={v!r}" for k, v in parameters.items() if k not in _KNOWN and v]:
        raise ValueError(
            f"rope parameters that are not supported: {', '.join(unknown)}; known: "
            f"{', '.join(sorted(_KNOWN))}"
        )
    kind = parameters["rope_type"]
    if kind == "default":
        return None
    if kind not in ROPE_SCALINGS:
        known = ", ".join(ROPE_SCALINGS)
        raise ValueError(f"rope scaling of type '{kind}' is not supported; known: {known}")
    try:
        return ROPE_SCALINGS[kind](parameters, max_positions)
    except KeyError as missing:
        raise ValueError(
            f"rope scaling of type '{kind}' needs {missing}, which config.json does not have"
        ) from None
