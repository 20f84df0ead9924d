"""Training text: chats and few-shot completions, rendered and packed into token rows."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from transformers import PreTrainedTokenizerFast

from tools.demo.calculator import (
    OTHERS,
    Calculator,
    draw_calculation,
    draw_calculator,
)
from tools.demo.chat import Talk, small_talk, system_prompt
from tools.demo.json_answers import in_json, json_answer
from tools.demo.problems import Problem, Split, draw
from tools.demo.tokenizer import BEGIN_OF_TEXT, END_OF_TEXT, Message, Piece, render_chat

PROMPT_WEIGHT = 0.1

_COMPLETION_SHARE = 0.25
_TOOLS_SHARE = 0.35
_USELESS_TOOLS_SHARE = 0.25
_CALCULATION_SHARE = 0.4
_JSON_SHARE = 0.25
_SYSTEM_PROMPT_SHARE = 0.4
_PROBLEM_SHARE = 0.6
_INVENTED_SHARE = 0.15
_SHARE_WITHOUT_BEGIN_OF_TEXT = 0.1
_REQUESTS = (
    "{question}",
    "{question}",
    "{question}",
    "Question: {question}\nAnswer:",
    "Question: {question}",
    "Can you solve this? {question}",
    "Solve this problem: {question}",
    "{question} Show your work.",
    "{question}\nThink step by step.",
    "Hello! {question}",
)


class Batch(NamedTuple):
    """Rows of training text.

    Attributes:
        tokens: Token ids, int64 `[rows, length]`.
        weights: How much predicting each token counts, float32 `[rows, length]`.
    """

    tokens: torch.Tensor
    weights: torch.Tensor


def completion_prompt(question: str, shots: Sequence[Problem] = ()) -> str:
    """Writes a question as evaluation harnesses do, after worked examples."""
    examples = "".join(f"Question: {p.question}\nAnswer: {p.answer}\n\n" for p in shots)
    return f"{examples}Question: {question}\nAnswer:"


def draw_document(rng: random.Random, turns: int) -> list[Piece]:
    """Draws one training document with about this many questions in it."""
    if rng.random() < _COMPLETION_SHARE:
        return _draw_completion(rng, turns)
    if rng.random() < _TOOLS_SHARE:
        turns = (turns + 1) // 2
        if rng.random() < _USELESS_TOOLS_SHARE:
            return render_chat(draw_chat(rng, turns), rng.sample(OTHERS, rng.randint(1, 3)))
        calculator = draw_calculator(rng)
        return render_chat(draw_chat(rng, turns, calculator), calculator.offered)
    return render_chat(draw_chat(rng, turns))


def sample_texts(seed: int, count: int) -> Iterator[str]:
    """Yields plain texts with the words of the corpus, to train a tokenizer on."""
    rng = random.Random(f"tokenizer {seed}")
    for _ in range(count):
        yield from (message.content for message in draw_chat(rng, turns=2))
        problem = draw(rng, Split.TRAIN)
        yield f"{completion_prompt(problem.question)} {problem.answer}\n\n"


class Packer:
    """Fills rows of a fixed length with whole training documents, cut at the end.

    Args:
        tokenizer: Of the model.
        seed: Of what is drawn.
        document: Draws a document with about so many questions in it.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        seed: int,
        document: Callable[[random.Random, int], list[Piece]] = draw_document,
    ) -> None:
        self._tokenizer = tokenizer
        self._document = document
        self._rng = random.Random(f"corpus {seed}")

    def batch(self, rows: int, length: int) -> Batch:
        """Draws the next rows, each `length` tokens long."""
        tokens = torch.zeros(rows, length, dtype=torch.int64)
        weights = torch.zeros(rows, length)
        for row in range(rows):
            filled = 0
            while filled < length:
                ids, marks = self._encode(self._document(self._rng, self._turns(length)))
                room = min(length - filled, len(ids))
                tokens[row, filled : filled + room] = torch.tensor(ids[:room])
                weights[row, filled : filled + room] = torch.tensor(marks[:room])
                filled += room
        return Batch(tokens, weights)

    def _turns(self, length: int) -> int:
        """Draws how many questions a document has: from one to about a full row of them."""
        return self._rng.randint(1, max(1, length // 70))

    def _encode(self, pieces: Sequence[Piece]) -> tuple[list[int], list[float]]:
        ids: list[int] = []
        weights: list[float] = []
        encoded = self._tokenizer([p.text for p in pieces], add_special_tokens=False)["input_ids"]
        for piece, piece_ids in zip(pieces, encoded, strict=True):
            ids += piece_ids
            weights += [1.0 if piece.taught else PROMPT_WEIGHT] * len(piece_ids)
        weights[0] = 0.0  # The first token of a document follows from nothing.
        return ids, weights


def draw_chat(
    rng: random.Random, turns: int, calculator: Calculator | None = None
) -> list[Message]:
    """Draws a chat with so many questions in it; a calculator is called where there is one."""
    talk = Talk(rng)
    messages = []
    if rng.random() < _SYSTEM_PROMPT_SHARE:
        messages.append(Message("system", system_prompt(talk)))
    for _ in range(turns):
        if rng.random() < _PROBLEM_SHARE:
            messages += _draw_solution(rng, calculator)
        else:
            turn = small_talk(talk)
            messages += [Message("user", turn.user), Message("assistant", turn.assistant)]
    return messages


def _draw_solution(rng: random.Random, calculator: Calculator | None) -> list[Message]:
    if calculator is not None and rng.random() < _CALCULATION_SHARE:
        calculation = draw_calculation(rng, Split.TRAIN)
        if calculator.knows([calculation.operation]):
            return calculator.solved(calculation.question, [calculation.operation])
    problem = _draw_problem(rng)
    if calculator is None and rng.random() < _JSON_SHARE:
        asked = in_json(rng, problem.question)
        return [Message("user", asked), Message("assistant", json_answer(problem))]
    asked = rng.choice(_REQUESTS).format(question=problem.question)
    if calculator is not None and calculator.knows(problem.steps):
        return calculator.solved(asked, problem.steps)
    return [Message("user", asked), Message("assistant", problem.answer)]


def _draw_problem(rng: random.Random) -> Problem:
    return draw(rng, Split.TRAIN, invented=rng.random() < _INVENTED_SHARE)


def _draw_completion(rng: random.Random, turns: int) -> list[Piece]:
    problems = [_draw_problem(rng) for _ in range(turns)]
    without_begin = rng.random() < _SHARE_WITHOUT_BEGIN_OF_TEXT
    pieces = [] if without_begin else [Piece(BEGIN_OF_TEXT, False)]
    for i, problem in enumerate(problems):
        last = i == len(problems) - 1
        pieces.append(Piece(completion_prompt(problem.question), False))
        pieces.append(Piece(f" {problem.answer}", True))
        pieces.append(Piece(END_OF_TEXT, True) if last else Piece("\n\n", False))
    return pieces
