"""Scoring of calls and of JSON: only what is expected to the letter counts."""

from collections.abc import Iterator, Sequence

from tools.demo.answerers import Prompt, Reply, ToolChat
from tools.demo.evaluate import held_out_problems
from tools.demo.evaluate_forms import (
    CallScore,
    calculation_chats,
    problem_chats,
    score_calls,
    score_json,
)
from tools.demo.json_answers import json_answer
from tools.demo.problems import Problem
from tools.demo.tokenizer import Message


class Knows:
    """Answers chats that it knows; others with one text."""

    def __init__(self, known: dict[tuple[Message, ...], str], otherwise: str = "") -> None:
        self._known = known
        self._otherwise = otherwise

    def replies(self, prompts: Sequence[Prompt]) -> Iterator[Reply]:
        for prompt in prompts:
            assert not isinstance(prompt, str)
            messages = prompt.messages if isinstance(prompt, ToolChat) else prompt
            yield Reply(self._known.get(messages, self._otherwise), ended=True)


def test_calls_and_answers_are_counted_apart() -> None:
    chats = [*problem_chats(held_out_problems(3)), *calculation_chats(3, seed=0)]
    known = {
        chat[:turn]: chat[turn].content + "".join(map(str, chat[turn].tool_calls))
        for chat in chats
        for turn in range(1, len(chat), 2)
    }
    known[chats[0][:1]] = "12"
    known[chats[1][:-1]] = "12"

    assert score_calls(Knows(known), chats) == CallScore(6, 5, 4)


def test_json_has_to_be_the_object() -> None:
    problems: list[Problem] = held_out_problems(4)

    assert score_json(Knows({}, otherwise=json_answer(problems[2])), problems, seed=0) == 1
