"""Writes the problems in `lm_eval_tasks`: `python -m integration.serve.lm_eval_problems`."""

# build: data = ["lm_eval_tasks/demo_problems.jsonl", "lm_eval_tasks/gsm8k_form.jsonl"]

from __future__ import annotations

import json
import random
from pathlib import Path

from tools.demo.evaluate import held_out_problems
from tools.demo.problems import Problem

TASKS = Path(__file__).parent / "lm_eval_tasks"
PROBLEMS = TASKS / "demo_problems.jsonl"
GSM8K_FORM = TASKS / "gsm8k_form.jsonl"
COUNT = 20
GSM8K_COUNT = 40
SEED = 16
CHOICES = 4


def document(problem: Problem, rng: random.Random) -> dict[str, object]:
    """A problem with its answer among others, which end in another number."""
    offsets = rng.sample([-10, -3, -2, -1, 1, 2, 3, 10], CHOICES - 1)
    head, _, _ = problem.answer.rpartition(str(problem.result))
    before = head.rpartition(f"= {problem.result}")
    choices = [
        f"{before[0]}= {number}{before[2]}{number}"
        for number in [problem.result, *(problem.result + offset for offset in offsets)]
    ]
    rng.shuffle(choices)
    return {
        "question": problem.question,
        "choices": choices,
        "label": choices.index(problem.answer),
        "result": str(problem.result),
    }


def lines() -> str:
    """The file's content."""
    rng = random.Random(SEED)
    documents = [document(problem, rng) for problem in held_out_problems(COUNT, SEED)]
    return "".join(json.dumps(item) + "\n" for item in documents)


def gsm8k_lines() -> str:
    """Problems with the fields of GSM8K: "question", and "answer" that ends in `#### NUMBER`."""
    problems = held_out_problems(GSM8K_COUNT, SEED)
    documents = [{"question": p.question, "answer": p.answer} for p in problems]
    return "".join(json.dumps(item) + "\n" for item in documents)


if __name__ == "__main__":
    PROBLEMS.write_text(lines(), encoding="utf-8")
    GSM8K_FORM.write_text(gsm8k_lines(), encoding="utf-8")
