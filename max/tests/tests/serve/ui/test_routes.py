"""Tests of `max.serve.ui.routes` against a running server."""

# build: size = "medium"

from __future__ import annotations

import base64
import json

import httpx
import pytest

from tests.serve.scripted_model import MODEL_NAME, PAGE_SIZE, TOTAL_PAGES
from tests.serve.server_process import ServerProcess


def engine(server: ServerProcess, after: int = 0) -> dict[str, object]:
    response = server.client.get("/ui/engine", params={"after": after})
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_features_are_those_of_the_model(server: ServerProcess) -> None:
    features = server.client.get("/ui/features").json()

    assert features["model"] == MODEL_NAME
    assert features["generates_text"] is True
    assert features["structured_output"] is False
    assert features["sees_engine"] is True
    assert features["weighs_prompts"] is True
    assert features["sampling_defaults"] == {"temperature": 0.5}


def test_engine_that_has_nothing_to_do(server: ServerProcess) -> None:
    view = engine(server)

    assert (view["phase"], view["running"], view["waiting"]) == ("ready", 0, 0)
    assert (view["total_pages"], view["page_size"]) == (TOTAL_PAGES, PAGE_SIZE)
    cells = base64.b64decode(str(view["cells"]))
    assert len(cells) == TOTAL_PAGES
    assert set(cells) <= {0, 1}


def test_running_requests_their_pages_and_steps_are_seen(server: ServerProcess) -> None:
    before = engine(server)
    prompt = "x" * (2 * PAGE_SIZE) + " forever"
    body = {"model": MODEL_NAME, "prompt": [prompt, prompt], "stream": True, "max_tokens": 100_000}
    with server.client.stream("POST", "/v1/completions", json=body) as answer:
        lines = answer.iter_lines()
        assert json.loads(next(lines)[len("data: ") :])["choices"]
        # A look may bring what an earlier one saw.
        looks = (engine(server) for _ in range(1000))
        view = next(view for view in looks if view["running"] == 2 and view["steps"])
    requests = view["requests"]
    assert isinstance(requests, list)
    assert [request[1] for request in requests] == [len(prompt), len(prompt)]
    cells = base64.b64decode(str(view["cells"]))
    # The second one shares the full pages of the first one's prompt.
    assert [cells[cell] for cell in requests[1][7][:2]] == [3, 3]
    assert requests[0][7][:2] == requests[1][7][:2]
    steps = view["steps"]
    assert isinstance(steps, list)
    numbers = [step[0] for step in steps]
    assert numbers == sorted(numbers)
    assert not set(numbers) & {step[0] for step in before["steps"]}  # type: ignore[attr-defined]
    last = engine(server, after=numbers[-1])["steps"]
    assert all(step[0] > numbers[-1] for step in last)  # type: ignore[attr-defined]


@pytest.mark.parametrize("after", ["-1", "x", "1e3", "9" * 30, "²"])
def test_nonsense_is_refused(server: ServerProcess, after: str) -> None:
    response: httpx.Response = server.client.get("/ui/engine", params={"after": after})

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "after"
