"""Chats with a calculator: calls are right, and splits share nothing."""

import json
import random

from tools.demo.calculator import CALCULATOR, PLAIN, Calculator, draw_calculation, draw_calculator
from tools.demo.problems import Split, generate


def make_calculators(count: int) -> list[Calculator]:
    rng = random.Random(0)
    return [draw_calculator(rng) for _ in range(count)]


def test_a_problem_is_solved_by_a_call_for_each_step() -> None:
    problem = next(p for p in generate(1, Split.TRAIN) if len(p.steps) == 2)
    asked, *calls, answer = PLAIN.solved(problem.question, problem.steps)

    assert asked.content == problem.question
    for step, calling, result in zip(problem.steps, calls[::2], calls[1::2], strict=True):
        (call,) = calling.tool_calls
        expression = f"{step.left} {step.op} {step.right}"
        assert (call.name, json.loads(call.arguments)) == (
            CALCULATOR.name,
            {"expression": expression},
        )
        assert (result.role, result.content) == ("tool", str(step.result))
    assert answer.content == f"The answer is {problem.result}.\n#### {problem.result}"


def test_every_call_is_of_a_function_that_is_offered_and_has_its_arguments() -> None:
    rng = random.Random(2)
    for calculator in make_calculators(200):
        offered = {tool.name: set(tool.parameters) for tool in calculator.offered}
        call = calculator.call(draw_calculation(rng, Split.TRAIN).operation)
        assert json.loads(call.arguments).keys() == offered[call.name]


def test_some_calculators_take_expressions_and_some_have_a_function_for_each_operation() -> None:
    calculators = make_calculators(200)
    whole = sum(calculator.whole is not None for calculator in calculators)
    assert 0 < whole < 200
    assert all((c.whole is None) == (len(c.single) == 4) for c in calculators)


def test_operations_give_whole_numbers_that_are_not_negative() -> None:
    rng = random.Random(3)
    for _ in range(500):
        question, (left, op, right, result) = draw_calculation(rng, Split.TRAIN)
        assert str(left) in question
        assert str(right) in question
        assert result >= 0
        right_answers = {"+": left + right, "-": left - right, "*": left * right}
        assert right * result == left if op == "/" else right_answers[op] == result


def test_splits_share_no_calculation() -> None:
    rng = random.Random(4)
    trained = {draw_calculation(rng, Split.TRAIN).operation for _ in range(3000)}
    held_out = {draw_calculation(rng, Split.HELD_OUT).operation for _ in range(1000)}
    assert len(held_out) > 800
    assert not trained & held_out
