"""What `debug_model` prints."""

from __future__ import annotations

from collections.abc import Iterator

from integration.tools.debugging.comparison import Comparison, Row
from integration.tools.debugging.diagnosis import Diagnosis

_MOST_CAUSES = 5


def report(comparison: Comparison, diagnosis: Diagnosis | None, *, every_tensor: bool) -> str:
    """The table of tensors, the first that departs, and its causes.

    Args:
        comparison: of both runs.
        diagnosis: of the first departure; None when all agree.
        every_tensor: whether to show all tensors, or only what layers and their parts give.
    """
    return "\n".join(_lines(comparison, diagnosis, every_tensor))


def _lines(comparison: Comparison, diagnosis: Diagnosis | None, every: bool) -> Iterator[str]:
    shown = [row for row in comparison.rows if every or _is_shown(row, diagnosis)]
    width = max(len(row.label) for row in shown)
    yield f"   {'tensor':{width}}  {'cosine':>9}  {'largest':>9}  {'relative':>9}  in PyTorch"
    for row in shown:
        mark = "✗" if row.departs else "✓"
        is_first = diagnosis is not None and row is diagnosis.row
        yield f"{'→' if is_first else ' '}{mark} {row.label:{width}}  {_numbers(row)}"
    left_out = [label for label in comparison.ours.tensors if label not in comparison.torch_tensors]
    yield f"{len(comparison.rows)} tensors compared; without a counterpart: {len(left_out)}"
    if diagnosis is None:
        yield f"👍 none departs (relative difference above {comparison.tolerance:g})"
        return
    yield ""
    yield f"👎 The first tensor that departs is {diagnosis.row.label}"
    yield f"   {diagnosis.what} of {diagnosis.layer}; what was computed before it agrees"
    if missing := ", ".join(comparison.missing_modules(diagnosis.row.label)):
        yield f"   ! PyTorch has modules there that no layer of ours stands for: {missing}"
    for number, cause in enumerate(diagnosis.causes[:_MOST_CAUSES], 1):
        yield f"   {number}. {cause.text}"
        if cause.left is not None:
            yield f"      [{cause.name}] with it {cause.left:.2%} of the difference is left"
        else:
            yield f"      [{cause.name}] often so; trying it did not show it"


def _is_shown(row: Row, diagnosis: Diagnosis | None) -> bool:
    is_first = diagnosis is not None and row is diagnosis.row
    return is_first or row.label.endswith("-output") or row.label in ("logits", "vector")


def _numbers(row: Row) -> str:
    found = row.distance
    if found is None:
        return f"{'another shape':>31}  {row.torch_label}"
    return f"{found.cosine:9.1e}  {found.largest:9.1e}  {found.relative:9.1e}  {row.torch_label}"
