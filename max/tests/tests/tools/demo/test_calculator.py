"""Chats with a calculator: calls are right, and splits share nothing."""

import json
import random

from tools.demo.calculator import (
    CALCULATOR,
    PLAIN,
    Calculator,
    Operation,
    draw_calculation,
    draw_calculator,
)
from tools.demo.corpus import draw_chat
from tools.demo.problems import Split, generate
from tools.demo.tokenizer import Tool

ADD = Tool("add", ("a", "b"), "number")


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
        operation = draw_calculation(rng, Split.TRAIN).operation
        if calculator.knows([operation]):
            call = calculator.call(operation)
            assert json.loads(call.arguments).keys() == offered[call.name]


def test_some_calculators_take_expressions_and_some_have_a_function_for_each_operation() -> None:
    calculators = make_calculators(200)
    whole = sum(calculator.whole is not None for calculator in calculators)
    assert 0 < whole < 200
    assert all((c.whole is None) == bool(c.single) for c in calculators)
    assert {len(c.single) for c in calculators if c.whole is None} == {1, 2, 3, 4}


def test_what_no_function_works_out_is_worked_out_without() -> None:
    adding = Calculator((ADD,), None, {"+": ADD})
    rng = random.Random(5)
    called = set()
    for _ in range(50):
        messages = draw_chat(rng, 2, adding)
        called |= {call.name for message in messages for call in message.tool_calls}
    assert called == {"add"}
    assert adding.knows([Operation(1, "+", 2, 3)])
    assert not adding.knows([Operation(1, "+", 2, 3), Operation(3, "-", 2, 1)])


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
