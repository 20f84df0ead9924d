"""The generated problems: right arithmetic, filled wordings, disjoint splits."""

import itertools
import random
import re

import pytest

from tools.demo.problems import TEMPLATES, Problem, Split, draw, final_number, generate, split_of
from tools.demo.templates import Template

# The filters of lm-evaluation-harness, tasks/gsm8k/gsm8k.yaml.
LM_EVAL_STRICT = re.compile(r"#### (\-?[0-9\.\,]+)")
LM_EVAL_FLEXIBLE = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")
STEP = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)")


def make_problems(count: int, split: Split = Split.TRAIN, seed: int = 0) -> list[Problem]:
    return list(itertools.islice(generate(seed, split), count))


def assert_step_is_right(left: str, op: str, right: str, result: str) -> None:
    a, b, c = int(left), int(right), int(result)
    right_answers = {"+": a + b == c, "-": a - b == c, "*": a * b == c, "/": b * c == a}
    assert right_answers[op], f"{left} {op} {right} = {result}"


@pytest.mark.parametrize("split", list(Split))
def test_every_step_is_right_and_the_last_one_is_the_result(split: Split) -> None:
    for problem in make_problems(2000, split):
        steps = STEP.findall(problem.answer)
        assert 1 <= len(steps) <= 2
        for step in steps:
            assert_step_is_right(*step)
        assert int(steps[-1][-1]) == problem.result
        assert problem.answer.endswith(f"\n#### {problem.result}")
        assert [f"{' '.join(s[:3])} = {s[3]}" for s in steps] == [str(s) for s in problem.steps]


def test_every_number_of_a_step_is_given_or_was_worked_out() -> None:
    for problem in make_problems(2000):
        known = set(re.findall(r"\d+", problem.question))
        for left, _, right, result in STEP.findall(problem.answer):
            assert {left, right} <= known, problem
            known.add(result)


def test_invented_names_leave_the_numbers_alone() -> None:
    for seed in range(200):
        known = draw(random.Random(seed), Split.TRAIN)
        invented = draw(random.Random(seed), Split.TRAIN, invented=True)
        assert STEP.findall(known.answer) == STEP.findall(invented.answer)
        assert known.result == invented.result


def test_wordings_are_filled_in() -> None:
    for problem in make_problems(2000):
        assert not re.search(r"[{}]|  ", problem.question + problem.answer), problem


def test_harnesses_for_gsm8k_find_the_number() -> None:
    for problem in make_problems(500):
        assert LM_EVAL_STRICT.findall(problem.answer)[0] == str(problem.result)
        last = LM_EVAL_FLEXIBLE.findall(problem.answer)[-1]
        assert str(problem.result) in last


def test_splits_share_no_question() -> None:
    trained = {problem.question for problem in make_problems(30_000, Split.TRAIN)}
    held_out = {problem.question for problem in make_problems(3000, Split.HELD_OUT)}
    assert len(held_out) > 2000
    assert not trained & held_out


def test_split_depends_on_the_numbers_and_holds_out_about_an_eighth() -> None:
    template = next(t for t in TEMPLATES if t.key == "gain")
    pairs = list(itertools.product(range(2, 90), range(2, 61)))
    held_out = [(a, b) for a, b in pairs if split_of(template, {"b": b, "a": a}) is Split.HELD_OUT]
    assert 0.10 < len(held_out) / len(pairs) < 0.15
    assert split_of(template, dict(zip("ab", held_out[0], strict=True))) is Split.HELD_OUT


@pytest.mark.parametrize("split", list(Split))
def test_each_split_has_many_problems(split: Split) -> None:
    questions = {problem.question for problem in make_problems(5000, split)}
    assert len(questions) > 4500


def test_the_same_seed_gives_the_same_problems_and_another_does_not() -> None:
    assert make_problems(50, seed=3) == make_problems(50, seed=3)
    assert make_problems(50, seed=3) != make_problems(50, seed=4)


def test_template_keys_are_unique() -> None:
    keys = [t.key for t in TEMPLATES]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda t: t.key)
def test_wordings_of_a_template_state_all_its_numbers(template: Template) -> None:
    for question in template.questions:
        for slot in template.numbers:
            assert f"{{{slot}}}" in question, question


@pytest.mark.parametrize(
    ("text", "number"),
    [("#### 12", 12), ("So.\n#### 1,234\nMore #### 5", 1234), ("#### -3", -3), ("12", None)],
)
def test_final_number(text: str, number: int | None) -> None:
    assert final_number(text) == number
