"""LlamaIndex's client of servers that speak OpenAI's API."""

from __future__ import annotations

import asyncio

import pytest
from llama_index.core.base.llms.types import LLMMetadata
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai import OpenAI

from clients.questions import ANSWER, MODEL, NEXT_QUESTION, QUESTION

pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]
# build: data = ["//max/python/max/entrypoints:pipelines"]


class Local(OpenAI):  # type: ignore[misc]  # not installed here
    """It asks a table of OpenAI's models for their sizes; ours is not in it."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=1024, is_chat_model=True, model_name=self.model)


@pytest.fixture
def chat(base_url: str) -> Local:
    return Local(model=MODEL, api_base=base_url, api_key="none", temperature=0, max_retries=0)


def test_several_turns(chat: Local) -> None:
    history = [ChatMessage(role="user", content=QUESTION)]
    answer = chat.chat(history).message
    assert str(answer.content).endswith(ANSWER)
    assert chat.chat([*history, answer, ChatMessage(role="user", content=NEXT_QUESTION)])


def test_streamed(chat: Local) -> None:
    chunks = chat.stream_chat([ChatMessage(role="user", content=QUESTION)])
    assert "".join(chunk.delta or "" for chunk in chunks).endswith(ANSWER)


def test_asynchronous(chat: Local) -> None:
    answer = asyncio.run(chat.achat([ChatMessage(role="user", content=QUESTION)]))
    assert str(answer.message.content).endswith(ANSWER)
