"""Two ways to ask a model: in this process with transformers, or at a served endpoint."""

import json
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from transformers import AutoTokenizer, LlamaForCausalLM

from tools.demo.tokenizer import Message, Tool, ToolCall

MAX_ANSWER_TOKENS = 128


Chat = tuple[Message, ...]


class ToolChat(NamedTuple):
    """A chat in which functions are offered."""

    messages: Chat
    tools: tuple[Tool, ...]


Prompt = Chat | ToolChat | str  # A chat to answer, or plain text to continue.


class Reply(NamedTuple):
    """What a model wrote, calls as it writes them, and whether it ended by itself."""

    text: str
    ended: bool


class Answerer(Protocol):
    """Answers prompts greedily, in order."""

    def replies(self, prompts: Sequence[Prompt]) -> Iterator[Reply]:
        """Yields one reply per prompt, each of at most `MAX_ANSWER_TOKENS` tokens."""


class LocalModel:
    """A model folder in Hugging Face's format, run by transformers on the CPU."""

    def __init__(self, folder: Path, dtype: torch.dtype, batch_size: int) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
        # Any, because transformers 5 types `generate` so that its own models do not fit.
        self._model: Any = LlamaForCausalLM.from_pretrained(folder, dtype=dtype)
        self._batch_size = batch_size

    def replies(self, prompts: Sequence[Prompt]) -> Iterator[Reply]:
        """Yields one reply per prompt, computing a batch at a time."""
        for start in range(0, len(prompts), self._batch_size):
            yield from self._batch_replies(prompts[start : start + self._batch_size])

    def _batch_replies(self, prompts: Sequence[Prompt]) -> Iterator[Reply]:
        inputs = self._tokenizer(
            [self._render(prompt) for prompt in prompts],
            add_special_tokens=False,
            padding=True,
            return_tensors="pt",
        )
        with torch.inference_mode():
            output = self._model.generate(
                **inputs, max_new_tokens=MAX_ANSWER_TOKENS, do_sample=False
            )
        ends = set(self._model.generation_config.eos_token_id)
        for row in output[:, inputs["input_ids"].shape[1] :].tolist():
            text = str(self._tokenizer.decode(row, skip_special_tokens=True))
            yield Reply(text, ended=not ends.isdisjoint(row))

    def _render(self, prompt: Prompt) -> str:
        if isinstance(prompt, str):
            return f"{self._tokenizer.bos_token}{prompt}"
        messages, tools = _parts(prompt)
        return str(
            self._tokenizer.apply_chat_template(
                [message.as_dict() for message in messages],
                tools=[tool.as_dict() for tool in tools] or None,
                tokenize=False,
                add_generation_prompt=True,
            )
        )


class ServedModel:
    """A model behind an OpenAI-compatible API, such as `http://127.0.0.1:8000/v1`."""

    def __init__(self, base_url: str, name: str, concurrency: int) -> None:
        self._base_url = base_url.rstrip("/")
        self._name = name
        self._concurrency = concurrency

    def replies(self, prompts: Sequence[Prompt]) -> Iterator[Reply]:
        """Yields one reply per prompt, with several requests at once.

        Raises:
            urllib.error.URLError: The server cannot be reached or refuses a request.
        """
        with ThreadPoolExecutor(self._concurrency) as pool:
            yield from pool.map(self._reply, prompts)

    def _reply(self, prompt: Prompt) -> Reply:
        if isinstance(prompt, str):
            choice = self._post("completions", prompt=prompt)["choices"][0]
            return Reply(choice["text"], choice["finish_reason"] == "stop")
        messages, tools = _parts(prompt)
        fields: dict[str, Any] = {"messages": [message.as_dict() for message in messages]}
        if tools:
            fields["tools"] = [tool.as_dict() for tool in tools]
        choice = self._post("chat/completions", **fields)["choices"][0]
        called = choice["message"].get("tool_calls") or []
        text = choice["message"]["content"] or ""
        text += "".join(str(ToolCall(**call["function"])) for call in called)
        return Reply(text, choice["finish_reason"] in ("stop", "tool_calls"))

    def _post(self, path: str, **fields: object) -> dict[str, Any]:
        """Sends a greedy request and returns the response's JSON object."""
        body = {
            "model": self._name,
            "max_tokens": MAX_ANSWER_TOKENS,
            "temperature": 0.0,
            **fields,
        }
        request = urllib.request.Request(
            f"{self._base_url}/{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as response:
            parsed: dict[str, Any] = json.load(response)
        return parsed


def _parts(chat: Chat | ToolChat) -> ToolChat:
    return chat if isinstance(chat, ToolChat) else ToolChat(chat, ())
