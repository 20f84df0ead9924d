"""The served demo solves word problems: a broken attention, cache or sampler shows as a drop."""

# build: size = "medium"

from __future__ import annotations

import pytest

from tests.serve.server_process import ServerProcess
from tools.demo.answerers import ServedModel
from tools.demo.evaluate import evaluate, held_out_problems, make_prompts

PROBLEMS = 200
# 97.9 % of 1,000 problems (docs/demo-model.md), less some room: they are drawn by a fixed seed.
EXACT_MATCH = 0.95


@pytest.mark.parametrize(("is_chat", "shots"), [(True, 0), (False, 5)])
def test_exact_match_of_batched_requests(server: ServerProcess, is_chat: bool, shots: int) -> None:
    problems = held_out_problems(PROBLEMS)
    prompts = make_prompts(problems, is_chat=is_chat, shots=shots)
    score = evaluate(ServedModel(f"{server.url}/v1", "demo", 32), problems, prompts)
    assert score.ended == PROBLEMS
    assert score.exact_match >= EXACT_MATCH
