"""Instructor against a server: answers of a type, by a call of a function and by a schema."""

# build: size = "medium"

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import instructor
import pytest
from openai import BaseModel, OpenAI

from clients.conversation import KEY, MODEL, QUESTIONS

pytestmark = pytest.mark.clients


class Count(BaseModel):
    """How many there are."""

    answer: Literal[7, 8, 9]


@pytest.fixture
def plain(url: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=url, api_key=KEY, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("mode", [instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA])
def test_an_answer_has_its_type(plain: OpenAI, mode: instructor.Mode) -> None:
    client = instructor.from_openai(plain, mode=mode)
    count, completion = client.chat.completions.create_with_completion(
        model=MODEL,
        messages=[{"role": "user", "content": QUESTIONS[0][0]}],
        response_model=Count,
        temperature=0,
        max_tokens=100,
        max_retries=0,
    )
    assert isinstance(count, Count)
    assert completion.usage.completion_tokens > 0


def test_a_stream_fills_the_type_in(plain: OpenAI) -> None:
    client = instructor.from_openai(plain, mode=instructor.Mode.TOOLS)
    parts = list(
        client.chat.completions.create_partial(
            model=MODEL,
            messages=[{"role": "user", "content": QUESTIONS[0][0]}],
            response_model=Count,
            temperature=0,
            max_tokens=100,
            max_retries=0,
        )
    )
    assert parts
    Count.model_validate(parts[-1].model_dump())
