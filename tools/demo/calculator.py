"""Chats in which the assistant calls a calculator instead of working things out."""

from __future__ import annotations

import json
import operator
import random
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tools.demo.problems import FINAL_MARK, Split, Step
from tools.demo.tokenizer import Message, Tool, ToolCall
from tools.demo.words import invent_word

_NAMES = ("calculator",) * 6 + ("calculate", "calc", "compute", "evaluate", "math")
_PARAMETERS = ("expression",) * 5 + ("formula", "input", "text", "query")
_OPERATION_NAMES = {
    "+": ("add", "add", "plus", "sum"),
    "-": ("subtract", "subtract", "minus"),
    "*": ("multiply", "multiply", "times"),
    "/": ("divide",),
}
_OPERAND_NAMES = (("a", "b"), ("a", "b"), ("x", "y"), ("first", "second"), ("left", "right"))
OTHERS = (
    Tool("get_weather", ("city",)),
    Tool("get_time", ()),
    Tool("send_email", ("to", "text")),
    Tool("search", ("query",)),
    Tool("translate", ("text", "language")),
    Tool("play_music", ("title",)),
    Tool("clock", ()),
    Tool("today", ()),
    Tool("list_files", ("folder",)),
    Tool("read_file", ("path",)),
    Tool("open_page", ("url",)),
    Tool("remind", ("time", "text")),
    Tool("roll_dice", ()),
    Tool("get_user", ("id",)),
)
_INVENTED_SHARE = 0.1
_OPERATIONS_SHARE = 0.25
_FEWER_OPERATIONS_SHARE = 0.4
_OTHERS_SHARE = 0.35
_HELD_OUT_ONE_IN = 8

_WORDS = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}
_OPERATORS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.floordiv,
}
_REQUESTS = (
    "What is {0}?",
    "What is {0}?",
    "what is {0}",
    "What's {0}?",
    "How much is {0}?",
    "Calculate {0}.",
    "Calculate {0}",
    "Work out {0}.",
    "Can you compute {0}?",
    "{0}",
    "{0} = ?",
    "Use the calculator: {0}",
)


class Operation(NamedTuple):
    """`left op right`, and what it gives."""

    left: int
    op: str
    right: int
    result: int

    @property
    def expression(self) -> str:
        """What is to be worked out."""
        return f"{self.left} {self.op} {self.right}"


class Calculation(NamedTuple):
    """How an operation is asked for."""

    question: str
    operation: Operation


class Calculator(NamedTuple):
    """Functions to calculate with.

    Attributes:
        offered: All functions, in the order in which they are offered, others among them.
        whole: The one that takes an expression; None where there is one per operation.
        single: Those of single operations, by their signs; not all may be there.
    """

    offered: tuple[Tool, ...]
    whole: Tool | None
    single: Mapping[str, Tool]

    def knows(self, steps: Sequence[Operation | Step]) -> bool:
        """Whether it has what works them out."""
        return self.whole is not None or all(step.op in self.single for step in steps)

    def call(self, operation: Operation | Step) -> ToolCall:
        """The call that works it out."""
        if self.whole is not None:
            return _call(self.whole, [f'"{operation.left} {operation.op} {operation.right}"'])
        return _call(self.single[operation.op], [str(operation.left), str(operation.right)])

    def solved(self, asked: str, steps: Sequence[Operation | Step]) -> list[Message]:
        """A question, a call for each step and what it gives, and the answer."""
        messages = [Message("user", asked)]
        for step in steps:
            messages.append(Message("assistant", "", (self.call(step),)))
            messages.append(Message("tool", str(step.result)))
        result = steps[-1].result
        return [
            *messages,
            Message("assistant", f"The answer is {result}.\n{FINAL_MARK} {result}"),
        ]


CALCULATOR = Tool("calculator", ("expression",))
PLAIN = Calculator((CALCULATOR,), CALCULATOR, {})


def draw_calculator(rng: random.Random) -> Calculator:
    """Draws a calculator of some name, and other functions beside it."""
    whole, single = None, {}
    if rng.random() < _OPERATIONS_SHARE:
        operands = rng.choice(_OPERAND_NAMES)
        fewer = rng.random() < _FEWER_OPERATIONS_SHARE
        for op in rng.sample(list(_OPERATION_NAMES), rng.randint(1, 3) if fewer else 4):
            names = _OPERATION_NAMES[op]
            single[op] = Tool(rng.choice(names), operands, "number")
    elif rng.random() < _INVENTED_SHARE:
        whole = Tool(invent_word(rng), (invent_word(rng),))
    else:
        whole = Tool(rng.choice(_NAMES), (rng.choice(_PARAMETERS),))
    offered = [*single.values(), *([whole] if whole else [])]
    if rng.random() < _OTHERS_SHARE:
        offered += rng.sample(OTHERS, rng.randint(1, 2))
    return Calculator(tuple(rng.sample(offered, len(offered))), whole, single)


def draw_calculation(rng: random.Random, split: Split) -> Calculation:
    """Draws numbers to calculate with, most of them too large for the model's head."""
    while True:
        operation = _draw_operation(rng)
        if _split_of(operation.expression) is split:
            break
    left, op, right, _ = operation
    asked = f"{left} {_WORDS[op]} {right}" if rng.random() < 0.3 else operation.expression
    return Calculation(rng.choice(_REQUESTS).format(asked), operation)


def _call(tool: Tool, values: Sequence[str]) -> ToolCall:
    pairs = zip(tool.parameters, values, strict=True)
    written = ", ".join(f"{json.dumps(name)}: {value}" for name, value in pairs)
    return ToolCall(tool.name, f"{{{written}}}")


def _draw_operation(rng: random.Random) -> Operation:
    """Draws one whose result is a whole number that is not negative."""
    op = rng.choice(("+", "-", "*", "/"))
    left, right = _number(rng), _number(rng)
    if op == "-":
        left, right = max(left, right), min(left, right)
    if op == "/":
        right = rng.randint(2, 99)
        left *= right
    return Operation(left, op, right, _OPERATORS[op](left, right))


def _number(rng: random.Random) -> int:
    digits = rng.choice((1, 2, 2, 3, 3, 4, 4))
    return rng.randint(10 ** (digits - 1), 10**digits - 1)


def _split_of(expression: str) -> Split:
    held_out = zlib.crc32(expression.encode()) % _HELD_OUT_ONE_IN == 0
    return Split.HELD_OUT if held_out else Split.TRAIN
