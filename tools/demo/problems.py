"""Generated grade-school word problems with shown working.

An answer has one line per step and a last line as in GSM8K (Cobbe et al. 2021,
arXiv:2110.14168), so that harnesses written for it find the number:

    First Tom has 24 + 13 = 37 apples.
    Then he has 37 - 8 = 29 apples.
    #### 29

Training and held-out problems are disjoint by construction: a checksum of the template
and its numbers decides which split a problem belongs to, whatever names it uses.
"""

import operator
import random
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from tools.demo import words
from tools.demo.few import FEW
from tools.demo.one_step import ONE_STEP
from tools.demo.templates import Template
from tools.demo.two_step import TWO_STEP

TEMPLATES: tuple[Template, ...] = ONE_STEP + TWO_STEP + FEW
_TABLES = (ONE_STEP, TWO_STEP, FEW)
_SHARES = (35, 50, 15)

FINAL_MARK = "####"
LARGEST_FACTOR = 12
LARGEST_NUMBER = 199
_HELD_OUT_ONE_IN = 8
_FINAL_NUMBER = re.compile(r"#### (-?[0-9][0-9,]*)")

_OPERATORS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.floordiv,
}


class Split(Enum):
    """Which problems a generator may draw."""

    TRAIN = "train"
    HELD_OUT = "held-out"


class Step(NamedTuple):
    """One worked step: `left op right = result`."""

    left: int
    op: str
    right: int
    result: int

    def __str__(self) -> str:
        return f"{self.left} {self.op} {self.right} = {self.result}"


class Problem(NamedTuple):
    """A question and its solution.

    Attributes:
        question: What is asked.
        answer: The worked answer.
        result: The final number.
        steps: What was worked out.
    """

    question: str
    answer: str
    result: int
    steps: tuple[Step, ...]


def generate(seed: int, split: Split) -> Iterator[Problem]:
    """Yields problems of one split for ever; the same seed gives the same ones."""
    rng = random.Random(f"{split.value} problems {seed}")
    while True:
        yield draw(rng, split)


def draw(rng: random.Random, split: Split, *, invented: bool = False) -> Problem:
    """Draws one problem of a split; `invented` gives it made-up names and things."""
    (table,) = rng.choices(_TABLES, _SHARES)
    template = rng.choice(table)
    while True:
        numbers = {slot: rng.randint(*bounds) for slot, bounds in template.numbers.items()}
        steps = _work_out(template, numbers)
        if steps is not None and split_of(template, numbers) is split:
            return _write(rng, template, numbers, steps, invented)


def split_of(template: Template, numbers: Mapping[str, int]) -> Split:
    """Says which split the problems of a template with these numbers belong to."""
    key = f"{template.key} {sorted(numbers.items())}"
    held_out = zlib.crc32(key.encode()) % _HELD_OUT_ONE_IN == 0
    return Split.HELD_OUT if held_out else Split.TRAIN


def final_number(text: str) -> int | None:
    """Finds the number on the `####` line of an answer; None when there is none."""
    found = _FINAL_NUMBER.search(text)
    return int(found.group(1).replace(",", "")) if found else None


def _work_out(template: Template, numbers: Mapping[str, int]) -> tuple[Step, ...] | None:
    """Computes the steps; None when they leave grade-school arithmetic."""
    values = dict(numbers)
    steps = []
    for i, expression in enumerate(template.steps, start=1):
        left_name, op, right_name = expression.split()
        left, right = values[left_name], values[right_name]
        if op == "*" and max(left, right) > LARGEST_FACTOR:
            return None
        if op == "/" and (left % right or left // right > LARGEST_FACTOR):
            return None
        result = _OPERATORS[op](left, right)
        if not 2 <= result <= LARGEST_NUMBER:
            return None
        steps.append(Step(left, op, right, result))
        values[f"r{i}"] = result
    return tuple(steps)


def _write(
    rng: random.Random,
    template: Template,
    numbers: Mapping[str, int],
    steps: tuple[Step, ...],
    invented: bool,
) -> Problem:
    person, other = rng.sample(words.PEOPLE, 2)
    thing, other_thing = rng.sample(words.THINGS, 2)
    if invented:
        person, other = words.invent_person(rng), words.invent_person(rng)
        thing = words.invent_thing(rng)
    box = rng.choice(words.CONTAINERS)
    activity = rng.choice(words.ACTIVITIES)
    slots: dict[str, object] = {
        "A": person.name,
        "B": other.name,
        "he": person.he,
        "He": person.he.capitalize(),
        "his": person.his,
        "thing": thing.one,
        "things": thing.many,
        "others": other_thing.many,
        "box": box.one,
        "boxes": box.many,
        "group": rng.choice(words.GROUPS),
        "place": rng.choice(words.PLACES),
        "does": activity.does,
        "do": activity.do,
        "done": activity.things,
        "gains": rng.choice(words.GAINS),
        "loses": rng.choice(words.LOSES),
        **numbers,
        **{f"s{i}": step for i, step in enumerate(steps, start=1)},
    }
    result = steps[-1].result
    working = template.working.format_map(slots)
    return Problem(
        question=rng.choice(template.questions).format_map(slots),
        answer=f"{working}\n{FINAL_MARK} {result}",
        result=result,
        steps=steps,
    )
