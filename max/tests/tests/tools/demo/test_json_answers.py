"""Word problems whose answers are asked for in JSON."""

import json
import random

from tools.demo.json_answers import in_json, json_answer
from tools.demo.problems import Split, draw


def test_the_answer_has_the_steps_and_the_result() -> None:
    problem = draw(random.Random(0), Split.TRAIN)
    value = json.loads(json_answer(problem))
    assert list(value) == ["steps", "answer"]
    assert value["answer"] == problem.result
    assert value["steps"][-1].endswith(f"= {problem.result}")


def test_the_request_has_the_question() -> None:
    rng = random.Random(0)
    requests = {in_json(rng, "How many?") for _ in range(100)}
    assert len(requests) > 3
    assert all("How many?" in request and "JSON" in request for request in requests)
