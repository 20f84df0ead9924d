"""litellm, which speaks to many servers in one way."""

from __future__ import annotations

import asyncio
from typing import Any

import litellm
import pytest

from clients.questions import ANSWER, MODEL, NEXT_QUESTION, QUESTION

pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]
# build: data = ["//max/python/max/entrypoints:pipelines"]

ASKED = [{"role": "user", "content": QUESTION}]


@pytest.fixture
def settings(base_url: str) -> dict[str, Any]:
    return {
        "model": f"openai/{MODEL}",
        "api_base": base_url,
        "api_key": "none",
        "temperature": 0,
    }


def test_several_turns(settings: dict[str, Any]) -> None:
    first = litellm.completion(messages=ASKED, **settings).choices[0].message
    assert first.content.endswith(ANSWER)
    for replayed in (first, first.model_dump()):
        history = [*ASKED, replayed, {"role": "user", "content": NEXT_QUESTION}]
        assert litellm.completion(messages=history, **settings).choices[0].message.content


def test_streamed(settings: dict[str, Any]) -> None:
    chunks = litellm.completion(messages=ASKED, stream=True, **settings)
    assert "".join(c.choices[0].delta.content or "" for c in chunks).endswith(ANSWER)


def test_asynchronous(settings: dict[str, Any]) -> None:
    answer = asyncio.run(litellm.acompletion(messages=ASKED, **settings))
    assert answer.choices[0].message.content.endswith(ANSWER)
