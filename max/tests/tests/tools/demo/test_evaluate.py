"""Scoring: what counts as right, and asking a served model."""

import itertools
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tools.demo.answerers import MAX_ANSWER_TOKENS, Prompt, Reply, ServedModel
from tools.demo.evaluate import evaluate, held_out_problems, make_prompts
from tools.demo.problems import Problem, Split, Step, generate
from tools.demo.tokenizer import Message

PROBLEM = Problem("What is 1 + 1?", "1 + 1 = 2\n#### 2", 2, (Step(1, "+", 1, 2),))


class FixedAnswerer:
    """Gives the replies that it was made with."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._replies = replies

    def replies(self, prompts: Sequence[Prompt]) -> Iterator[Reply]:
        assert len(prompts) == len(self._replies)
        yield from self._replies


class EchoHandler(BaseHTTPRequestHandler):
    """An endpoint that answers with the request it got."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        echo = json.dumps({"path": self.path, **body})
        choice = {"finish_reason": "stop", "text": echo, "message": {"content": echo}}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"choices": [choice]}).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Keeps the test's output quiet."""


@contextmanager
def running_echo_server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), EchoHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_only_the_right_final_number_counts() -> None:
    replies = [
        Reply("1 + 1 = 2\n#### 2", ended=True),
        Reply("#### 22", ended=True),
        Reply("The answer is 2", ended=False),
        Reply("", ended=False),
    ]
    problems = [PROBLEM] * len(replies)
    score = evaluate(FixedAnswerer(replies), problems, make_prompts(problems))
    assert score.exact_match == 0.25
    assert score.ended == 2
    assert [miss.answer for miss in score.misses] == ["#### 22", "The answer is 2", ""]


def test_held_out_problems_are_those_of_the_seed() -> None:
    assert held_out_problems(20) == held_out_problems(20)
    assert held_out_problems(20) != held_out_problems(20, seed=1)
    assert held_out_problems(20) == list(itertools.islice(generate(0, Split.HELD_OUT), 20))


def test_completion_prompts_have_as_many_examples_as_asked_for() -> None:
    (prompt,) = make_prompts([PROBLEM], is_chat=False, shots=3)
    assert isinstance(prompt, str)
    assert prompt.count("Question:") == 4
    assert prompt.endswith("Question: What is 1 + 1?\nAnswer:")


@pytest.mark.parametrize("is_chat", [True, False])
def test_served_model_is_asked_greedily_and_answers_stay_in_order(is_chat: bool) -> None:
    questions = [f"Question {i}" for i in range(20)]
    prompts: list[Prompt] = [(Message("user", q),) if is_chat else q for q in questions]
    with running_echo_server() as base_url:
        replies = list(ServedModel(base_url, "demo", concurrency=4).replies(prompts))
    for question, reply in zip(questions, replies, strict=True):
        request = json.loads(reply.text)
        asked = request["messages"][0]["content"] if is_chat else request["prompt"]
        assert asked == question
        assert request["path"] == ("/v1/chat/completions" if is_chat else "/v1/completions")
        assert (request["model"], request["temperature"]) == ("demo", 0.0)
        assert request["max_tokens"] == MAX_ANSWER_TOKENS
        assert reply.ended
