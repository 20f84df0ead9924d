"""Verdicts as a markdown table."""

from __future__ import annotations

from collections.abc import Mapping

from integration.accuracy.verdicts import Verdict


def verdict_table(verdicts: Mapping[str, Verdict], earlier: Mapping[str, Verdict]) -> str:
    """One row per pipeline.

    Args:
        verdicts: of this run.
        earlier: of another run; what has changed since is the last column.
    """
    rows = ["| Status | Model | KL Div | Diff |", "| :----: | :---- | -----: | ---: |"]
    for name, verdict in verdicts.items():
        kl_div = _number(verdict.kl_div)
        diff = _difference(verdict, earlier.get(name)) if earlier else ""
        rows.append(f"| {verdict.status.emoji} | {name} | {kl_div} | {diff} |")
    return "\n".join(rows)


def _difference(verdict: Verdict, earlier: Verdict | None) -> str:
    if earlier is None:
        return "new"
    parts = []
    if earlier.status is not verdict.status:
        parts.append(f"was {earlier.status.emoji}")
    if verdict.kl_div is not None and earlier.kl_div is not None:
        parts.append(f"{verdict.kl_div - earlier.kl_div:+.1e}")
    return " ".join(parts)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2e}"
