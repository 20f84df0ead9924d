"""What the demo model is asked, and how its answers end."""

from __future__ import annotations

MODEL = "demo"
KEY = "none"
QUESTIONS = (
    ("Tom has 3 apples and buys 5 more. How many apples does Tom have?", "#### 8"),
    ("Ben has 4 books and buys 3 more. How many books does Ben have?", "#### 7"),
)


def is_answer(text: str | None, question: int = 0) -> bool:
    """Whether a text is the answer to a question: its result stands on a last line of its own."""
    return (text or "").strip().endswith(QUESTIONS[question][1])


# What the model calls a calculator for, and the number of its answer.
CALCULATION = ("What is 4711 * 23?", "108353")


def calculated(expression: str) -> str:
    """What `left op right` gives."""
    left, op, right = expression.split()
    operations = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__, "/": int.__floordiv__}
    return str(operations[op](int(left), int(right)))
