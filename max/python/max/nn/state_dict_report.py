"""What is wrong with a state dict, short enough to read for a model of many layers."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping

# From this many layers on, weights that differ only in the layer's number are told as one.
_FOLD_FROM = 3
_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)|^\d+(?=\.)")


def describe_problems(
    *,
    missing: Collection[str],
    unexpected: Collection[str],
    candidates: Collection[str],
    wrong: Mapping[str, str],
) -> list[str]:
    """One line for each kind of problem, in the order of the weights' names.

    Args:
        missing: weights that the state dict does not have.
        unexpected: keys that no weight has, as far as they are an error.
        candidates: keys that no weight has: one of them may be a missing weight's misspelt name.
        wrong: what is wrong with the value of a weight, by the weight's name.

    Returns:
        The lines; empty when nothing is wrong.
    """
    lines = []
    missing_folded = fold_layers(missing)
    if missing_folded:
        lines.append(f"Missing required weights: {', '.join(missing_folded)}")
        pool = fold_layers(candidates)
        for name in missing_folded:
            near = difflib.get_close_matches(name, pool, n=1)
            lines += [f"For '{name}', did you mean '{near[0]}'?"] if near else []
    if unexpected:
        lines.append(f"Unexpected keys in state_dict: {', '.join(fold_layers(unexpected))}")
    return lines + _fold_messages(wrong)


def fold_layers(names: Iterable[str]) -> list[str]:
    """The names, sorted; those that differ only in one number as `layers.0-31.norm.weight`.

    The number is the first one of the name that is a part of its own.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    plain = []
    for name in sorted(names):
        found = _NUMBER.search(name)
        if found is None:
            plain.append(name)
        else:
            key = (name[: found.start()], name[found.end() :])
            groups.setdefault(key, []).append(int(found.group()))
    folded = [
        f"{before}{text}{after}"
        for (before, after), numbers in groups.items()
        for text in _ranges(sorted(numbers))
    ]
    return sorted([*plain, *folded], key=_natural_order)


def _fold_messages(wrong: Mapping[str, str]) -> list[str]:
    """The messages; those of several layers that are alike but for the number once."""
    alike: dict[str, list[str]] = {}
    for name, message in sorted(wrong.items(), key=lambda item: _natural_order(item[0])):
        alike.setdefault(message.replace(f"'{name}'", "'*'"), []).append(name)
    return [
        message.replace("'*'", f"'{name}'")
        for message, names in alike.items()
        for name in fold_layers(names)
    ]


def _ranges(numbers: list[int]) -> list[str]:
    """Runs of at least `_FOLD_FROM` as `first-last`, the others one by one."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return [
        text
        for run in runs
        for text in (
            [f"{run[0]}-{run[-1]}"] if len(run) >= _FOLD_FROM else [str(number) for number in run]
        )
    ]


def _natural_order(name: str) -> list[tuple[int, str]]:
    """Sorts `layers.10` after `layers.9`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split(".")]
