"""Scores a model on calling a calculator and on answering in JSON, held-out and greedy.

    python3 -m tools.demo.evaluate_forms --n 300
    python3 -m tools.demo.evaluate_forms --endpoint http://127.0.0.1:8000/v1 --served-model demo

Calls count if each of a problem is the expected one to the letter, and an answer if they count
and it is the expected one after their results. JSON counts if it is the expected object.
"""

import argparse
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from max.demo import model_path
from tools.demo.answerers import Answerer, Chat, LocalModel, ServedModel, ToolChat
from tools.demo.calculator import PLAIN, Calculator, draw_calculation
from tools.demo.evaluate import held_out_problems
from tools.demo.json_answers import in_json, json_answer
from tools.demo.problems import Problem, Split
from tools.demo.tokenizer import Message

DEFAULT_COUNT = 300
DEFAULT_SEED = 0


class CallScore(NamedTuple):
    """How often all calls, and how often the answer after them too, were right."""

    total: int
    called: int
    answered: int

    def __str__(self) -> str:
        return f"calls of {self.called} and answers of {self.answered} of {self.total} are right"


def problem_chats(problems: Sequence[Problem], calculator: Calculator = PLAIN) -> list[Chat]:
    """Word problems solved with a calculator."""
    return [tuple(calculator.solved(each.question, each.steps)) for each in problems]


def calculation_chats(count: int, seed: int, calculator: Calculator = PLAIN) -> list[Chat]:
    """Draws held-out calculations; the same seed gives the same ones."""
    rng = random.Random(f"held-out calculations {seed}")
    drawn = (draw_calculation(rng, Split.HELD_OUT) for _ in range(count))
    return [tuple(calculator.solved(each.question, [each.operation])) for each in drawn]


def score_calls(
    answerer: Answerer, chats: Sequence[Chat], calculator: Calculator = PLAIN
) -> CallScore:
    """Lets the model take each of the assistant's turns, as long as it takes them rightly."""
    called, answered, right_so_far = 0, 0, list(chats)
    for turn in range(1, max(map(len, chats)), 2):
        due = [chat for chat in right_so_far if len(chat) > turn]
        prompts = [ToolChat(chat[:turn], calculator.offered) for chat in due]
        right_so_far = []
        for chat, reply in zip(due, answerer.replies(prompts), strict=True):
            expected = chat[turn].content + "".join(map(str, chat[turn].tool_calls))
            if reply.ended and reply.text == expected:
                right_so_far.append(chat)
                called += turn == len(chat) - 3
                answered += turn == len(chat) - 1
    return CallScore(len(chats), called, answered)


def score_json(answerer: Answerer, problems: Sequence[Problem], seed: int) -> int:
    """How many answers are the object asked for."""
    rng = random.Random(f"requests for JSON {seed}")
    prompts = [(Message("user", in_json(rng, problem.question)),) for problem in problems]
    return sum(
        reply.ended and reply.text == json_answer(problem)
        for problem, reply in zip(problems, answerer.replies(prompts), strict=True)
    )


def main() -> None:
    """Evaluates as the command line says."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tools.demo.evaluate_forms",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--model", type=Path, default=model_path(), help="model folder (default: the demo's)")
    add("--dtype", choices=("float32", "bfloat16"), default="float32", help="of the arithmetic")
    add("--endpoint", help="base URL of a served model, ending in /v1; instead of --model")
    add("--served-model", default="demo", help="name of the model at --endpoint")
    add("--n", type=int, default=DEFAULT_COUNT, help="of each kind (default: %(default)s)")
    add("--seed", type=int, default=DEFAULT_SEED, help="of what is asked (default: %(default)s)")
    add("--batch-size", type=int, default=32, help="prompts or requests at once")
    given = parser.parse_args()
    answerer: Answerer = (
        ServedModel(given.endpoint, given.served_model, given.batch_size)
        if given.endpoint
        else LocalModel(given.model, getattr(torch, given.dtype), given.batch_size)
    )
    problems = held_out_problems(given.n, given.seed)
    print("Word problems:", score_calls(answerer, problem_chats(problems)))
    print("Calculations:", score_calls(answerer, calculation_chats(given.n, given.seed)))
    print(f"JSON: {score_json(answerer, problems, given.seed)} of {given.n} are right")


if __name__ == "__main__":
    main()
