"""Scores a model on held-out word problems: exact match of the final number, greedy.

    python3 -m tools.demo.evaluate --n 1000
    python3 -m tools.demo.evaluate --endpoint http://127.0.0.1:8000/v1 --served-model demo

Problems come from a seed, and no problem with the same template and numbers was ever
trained on.
"""

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from tqdm import tqdm

from max.demo import model_path
from tools.demo.answerers import Answerer, LocalModel, Prompt, ServedModel
from tools.demo.corpus import completion_prompt
from tools.demo.problems import Problem, Split, final_number, generate
from tools.demo.tokenizer import Message

DEFAULT_COUNT = 1000
DEFAULT_SEED = 0


class Miss(NamedTuple):
    """A problem that was answered wrongly, and the answer."""

    problem: Problem
    answer: str


class Score(NamedTuple):
    """The outcome of an evaluation.

    Attributes:
        total: Number of problems.
        ended: Number of answers that ended by themselves.
        misses: The problems whose final number was wrong or absent.
    """

    total: int
    ended: int
    misses: tuple[Miss, ...]

    @property
    def exact_match(self) -> float:
        """Share of problems with the right final number, from 0 to 1."""
        return 1 - len(self.misses) / self.total


def held_out_problems(count: int, seed: int = DEFAULT_SEED) -> list[Problem]:
    """Draws held-out problems; the same seed gives the same ones."""
    return list(itertools.islice(generate(seed, Split.HELD_OUT), count))


def make_prompts(
    problems: Sequence[Problem], *, is_chat: bool = True, shots: int = 0, seed: int = DEFAULT_SEED
) -> list[Prompt]:
    """Writes the problems as chat messages, or as completions after worked examples."""
    if is_chat:
        return [(Message("user", problem.question),) for problem in problems]
    examples = list(itertools.islice(generate(seed, Split.TRAIN), shots))
    return [completion_prompt(problem.question, examples) for problem in problems]


def evaluate(answerer: Answerer, problems: Sequence[Problem], prompts: Sequence[Prompt]) -> Score:
    """Asks each prompt and compares the final number with its problem's, showing progress."""
    ended = 0
    misses = []
    replies = tqdm(answerer.replies(prompts), "Held-out problems", total=len(problems))
    for problem, reply in zip(problems, replies, strict=True):
        ended += reply.ended
        if final_number(reply.text) != problem.result:
            misses.append(Miss(problem, reply.text))
    return Score(len(problems), ended, tuple(misses))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 -m tools.demo.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--model", type=Path, default=model_path(), help="model folder (default: the demo's)")
    add("--dtype", choices=("float32", "bfloat16"), default="float32", help="of the arithmetic")
    add("--endpoint", help="base URL of a served model, ending in /v1; instead of --model")
    add("--served-model", default="demo", help="name of the model at --endpoint")
    add("--n", type=int, default=DEFAULT_COUNT, help="number of problems (default: %(default)s)")
    add("--seed", type=int, default=DEFAULT_SEED, help="of the problems (default: %(default)s)")
    add("--completion", action="store_true", help="ask with `Question: ...` prompts, not as chat")
    add("--shots", type=int, default=0, help="worked examples before a completion's question")
    add("--batch-size", type=int, default=32, help="problems or requests at once")
    add("--show-misses", type=int, default=0, metavar="COUNT", help="wrong answers to print")
    add("--at-least", type=float, default=0.0, metavar="SHARE", help="exit with 1 below this")
    return parser.parse_args()


def main() -> int:
    """Evaluates as the command line says; returns the exit code."""
    given = _parse_arguments()
    problems = held_out_problems(given.n, given.seed)
    prompts = make_prompts(
        problems, is_chat=not given.completion, shots=given.shots, seed=given.seed
    )
    answerer: Answerer = (
        ServedModel(given.endpoint, given.served_model, given.batch_size)
        if given.endpoint
        else LocalModel(given.model, getattr(torch, given.dtype), given.batch_size)
    )
    score = evaluate(answerer, problems, prompts)
    for miss in score.misses[: given.show_misses]:
        print(f"{miss.problem.question}\nExpected: {miss.problem.answer}\nGot: {miss.answer}\n")
    print(
        f"Exact match: {score.exact_match:.2%} of {score.total} held-out problems; "
        f"{score.ended} answers ended by themselves."
    )
    return 0 if score.exact_match >= given.at_least else 1


if __name__ == "__main__":
    sys.exit(main())
