"""Word problems whose answers are asked for in JSON."""

import json
import random

from tools.demo.problems import Problem

_REQUESTS = (
    "{0} Answer in JSON.",
    "{0} Answer in JSON.",
    "{0}\nAnswer in JSON.",
    "{0} Answer as JSON.",
    "{0} Reply in JSON.",
    "{0} Give the answer as JSON.",
    "Answer in JSON: {0}",
)


def in_json(rng: random.Random, question: str) -> str:
    """The question with a request for JSON."""
    return rng.choice(_REQUESTS).format(question)


def json_answer(problem: Problem) -> str:
    """The object that is asked for: `{"steps": ["2 + 3 = 5"], "answer": 5}`."""
    return json.dumps({"steps": [str(step) for step in problem.steps], "answer": problem.result})
