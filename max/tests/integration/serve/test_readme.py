"""README.md is true: its requests to the demo model are answered as it says."""

# build: size = "medium"
# build: data = ["//:README.md"]

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.serve.server_process import ServerProcess

README = Path(__file__).parents[4] / "README.md"
URL = "http://127.0.0.1:8000"
PAGE = README.read_text(encoding="utf-8")
CURLS = re.findall(r"```sh\n(curl .*?)```", PAGE, re.DOTALL)
SHOWN = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def message_of(command: str, server: ServerProcess) -> dict[str, Any]:
    """What the server says to a curl command of the page."""
    words = shlex.split(command)
    assert words[1].startswith(URL)
    body = json.loads(words[words.index("-d") + 1])
    response = server.client.post(words[1].removeprefix(URL), json=body)
    assert response.status_code == 200, response.text
    message: dict[str, Any] = response.json()["choices"][0]["message"]
    return message


def test_a_question_a_call_and_the_answer_to_its_result(server: ServerProcess) -> None:
    question, calling, answering = CURLS
    (shown,) = map(json.loads, SHOWN)

    assert message_of(question, server)["content"].endswith("#### 7")
    (call,) = message_of(calling, server)["tool_calls"]
    assert call["function"] == shown
    sent_back = json.loads(shlex.split(answering)[-1])["messages"]
    assert sent_back[1]["tool_calls"][0]["function"] == shown
    answer, number = message_of(answering, server)["content"].split("\n")
    assert f"`{answer}`" in PAGE
    assert number == "#### 108353"


def test_the_official_client_is_answered(server: ServerProcess) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    run = subprocess.run(
        [sys.executable, "-c", code.replace(URL, server.url)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip().endswith("#### 7")
