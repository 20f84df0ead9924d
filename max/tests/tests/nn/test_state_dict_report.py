"""Reports of wrong state dicts."""

from __future__ import annotations

import pytest

from max.nn.state_dict_report import describe_problems, fold_layers


@pytest.mark.parametrize(
    ("names", "folded"),
    [
        (["norm.weight"], ["norm.weight"]),
        (["layers.1.w", "layers.0.w"], ["layers.0.w", "layers.1.w"]),
        ([f"layers.{i}.w" for i in range(12)], ["layers.0-11.w"]),
        (
            [f"layers.{i}.w" for i in (0, 1, 2, 9, 10)],
            ["layers.0-2.w", "layers.9.w", "layers.10.w"],
        ),
        (
            [f"layers.{i}.{p}.w" for i in range(3) for p in ("q", "k")],
            ["layers.0-2.k.w", "layers.0-2.q.w"],
        ),
        ([f"{i}.w" for i in range(3)], ["0-2.w"]),
        (["experts1.w", "experts2.w", "experts3.w"], ["experts1.w", "experts2.w", "experts3.w"]),
    ],
)
def test_folding(names: list[str], folded: list[str]) -> None:
    assert fold_layers(names) == folded


def test_all_kinds_of_problems_are_told_in_order() -> None:
    layers = range(80)
    lines = describe_problems(
        missing=[f"layers.{i}.up.weight" for i in layers],
        unexpected=[f"layers.{i}.upp.weight" for i in layers],
        candidates=[f"layers.{i}.upp.weight" for i in layers],
        wrong={f"layers.{i}.q.weight": f"'layers.{i}.q.weight' is too wide" for i in layers}
        | {"norm.weight": "'norm.weight' is too short"},
    )
    assert lines == [
        "Missing required weights: layers.0-79.up.weight",
        "For 'layers.0-79.up.weight', did you mean 'layers.0-79.upp.weight'?",
        "Unexpected keys in state_dict: layers.0-79.upp.weight",
        "'layers.0-79.q.weight' is too wide",
        "'norm.weight' is too short",
    ]


def test_different_mistakes_of_equal_layers_are_told_apart() -> None:
    wrong = {f"layers.{i}.q": f"'layers.{i}.q' has {i % 2} axes" for i in range(4)}
    lines = describe_problems(missing=[], unexpected=[], candidates=[], wrong=wrong)
    assert lines == [f"'layers.{i}.q' has {i % 2} axes" for i in (0, 2, 1, 3)]


def test_nothing_is_wrong() -> None:
    assert describe_problems(missing=[], unexpected=[], candidates=["extra"], wrong={}) == []
