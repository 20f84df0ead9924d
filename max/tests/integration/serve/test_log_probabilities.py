"""`logprobs` and `echo`, by the official client, against transformers in float32."""

# build: size = "medium"

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import openai
import pytest
import torch
from openai.types import Completion
from openai.types.chat import ChatCompletionTokenLogprob
from openai.types.completion_choice import CompletionChoice
from transformers import AutoModelForCausalLM, AutoTokenizer

from integration.serve.conftest import SERVE_DEMO
from max.demo import model_path
from tests.serve.server_process import ready

MODEL = "demo"
QUESTION = "Tom has 3 apples and buys 5 more. How many apples does Tom have?"
# More tokens than a step takes.
PROMPT = f"Question: {QUESTION}\nAnswer: Tom has 3 + 5 = 8 apples. Grüße, 世界 😀!\nQuestion: How"
TOP = 5
# float32 sums of two programs, in another order.
TOLERANCE = 2e-4


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    """The client of a server whose steps are short, so that prompts are computed in chunks."""
    options = ["--enable-echo", "--quantization-encoding", "float32", "--max-batch-size", "8"]
    options += ["--max-batch-input-tokens", "16"]
    with (
        ready([*SERVE_DEMO, *options], tmp_path_factory.mktemp("echo")) as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client,
    ):
        yield client


class Reference:
    """The demo model in transformers."""

    def __init__(self) -> None:
        self.tokenizer: Any = AutoTokenizer.from_pretrained(model_path())
        self._model = AutoModelForCausalLM.from_pretrained(model_path(), dtype=torch.float32)

    def encode(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text))

    def log_probabilities(self, tokens: Sequence[int]) -> np.ndarray:
        """What follows each token, [tokens, vocabulary]."""
        with torch.inference_mode():
            logits = self._model(torch.tensor([tokens])).logits[0]
        found: np.ndarray = torch.log_softmax(logits.double(), -1).numpy()
        return found


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference()


def create(endpoint: Any, **fields: Any) -> Any:
    """A request by one of the client's endpoints; the tests' fields are not known to its types."""
    return endpoint.create(**{"model": MODEL, "temperature": 0} | fields)


def complete(client: openai.OpenAI, **fields: Any) -> Completion:
    found: Completion = create(client.completions, **{"prompt": PROMPT, "max_tokens": 8} | fields)
    return found


@dataclass
class Scored:
    """A completion with its log probabilities; those of a first token are None."""

    text: str = ""
    finish_reason: str | None = None
    tokens: list[str] = field(default_factory=list)
    scores: list[Any] = field(default_factory=list)
    best: list[Any] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)


def scored(*parts: CompletionChoice) -> Scored:
    """A choice, whole or from the chunks of its stream."""
    whole = Scored()
    for part in parts:
        whole.text += part.text
        whole.finish_reason = part.finish_reason or whole.finish_reason
        if part.logprobs is not None:
            whole.tokens += part.logprobs.tokens or []
            whole.scores += part.logprobs.token_logprobs or []
            whole.best += part.logprobs.top_logprobs or []
            whole.offsets += part.logprobs.text_offset or []
    assert len(whole.tokens) == len(whole.scores) == len(whole.best) == len(whole.offsets)
    return whole


def score(client: openai.OpenAI, **fields: Any) -> Scored:
    """A request's only choice."""
    (choice,) = complete(client, **fields).choices
    assert choice.logprobs is not None
    return scored(choice)


def assert_tiles(choice: Scored) -> None:
    """Every token stands where its text is; those that only finish a character add none."""
    ends = [*choice.offsets[1:], len(choice.text)]
    for token, start, end in zip(choice.tokens, choice.offsets, ends, strict=True):
        assert choice.text[start:end] in ("", token) or "\N{REPLACEMENT CHARACTER}" in token
    assert choice.offsets[0] == 0


def assert_scores(
    scores: Sequence[float], best: Sequence[dict[str, float]], want: np.ndarray, tokens: list[int]
) -> None:
    """Compares with the reference's rows, each of which predicts one of the tokens."""
    assert_close(scores, [row[token] for row, token in zip(want, tokens, strict=True)])
    # Tokens that are parts of characters look alike, and only the best of them is shown.
    assert_close([max(found.values()) for found in best], want.max(-1))
    assert all(1 <= len(found) <= TOP + 1 for found in best)


def assert_close(found: Sequence[float], want: Sequence[float] | np.ndarray) -> None:
    np.testing.assert_allclose(found, want, rtol=0, atol=TOLERANCE)


def test_echo_scores_prompt_and_answer(client: openai.OpenAI, reference: Reference) -> None:
    choice = score(client, echo=True, logprobs=TOP)
    answer = reference.encode(choice.text[len(PROMPT) :])[1:]
    tokens = [*reference.encode(PROMPT), *answer]

    assert choice.text.startswith(PROMPT) and len(answer) == 8
    assert choice.tokens == [reference.tokenizer.decode([token]) for token in tokens]
    assert_tiles(choice)
    assert (choice.scores[0], choice.best[0]) == (None, None)
    want = reference.log_probabilities(tokens)[:-1]
    assert_scores(choice.scores[1:], choice.best[1:], want, tokens[1:])


def test_answer_alone_has_the_same_scores(client: openai.OpenAI) -> None:
    """It may reuse the prompt's pages, which the echo may not."""
    echoed = score(client, echo=True, logprobs=TOP)
    plain = score(client, logprobs=TOP)
    again = score(client, echo=True, logprobs=TOP)

    assert plain.text == echoed.text[len(PROMPT) :]
    assert plain.tokens == echoed.tokens[-8:]
    assert_close(plain.scores, echoed.scores[-8:])
    assert_tiles(plain)
    assert again.tokens == echoed.tokens
    assert_close(again.scores[1:], echoed.scores[1:])


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("stopped", [False, True])
def test_stream_brings_the_same(client: openai.OpenAI, echo: bool, stopped: bool) -> None:
    plain = score(client, logprobs=1, max_tokens=24)
    # It begins where a token does, so that all tokens that are left stand there whole.
    stop = plain.text[(at := plain.offsets[4]) : at + 3] if stopped else None
    fields = {"echo": echo, "logprobs": 1, "stop": stop, "max_tokens": 24}
    whole = score(client, **fields)
    chunks = create(client.completions, prompt=PROMPT, stream=True, **fields)

    streamed = scored(*(choice for chunk in chunks for choice in chunk.choices))

    assert (streamed.text, streamed.finish_reason) == (whole.text, whole.finish_reason)
    assert (streamed.tokens, streamed.offsets) == (whole.tokens, whole.offsets)
    assert_tiles(streamed)
    assert (
        whole.text == (PROMPT if echo else "") + plain.text.partition(stop or plain.text + "!")[0]
    )


def test_prompt_alone(client: openai.OpenAI, reference: Reference) -> None:
    completion = complete(client, echo=True, logprobs=TOP, max_tokens=0)
    choice = scored(*completion.choices)
    tokens = reference.encode(PROMPT)

    assert (choice.text, choice.finish_reason) == (PROMPT, "length")
    assert choice.tokens == [reference.tokenizer.decode([token]) for token in tokens]
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == len(tokens)
    assert completion.usage.completion_tokens == 0


def test_echo_without_scores(client: openai.OpenAI) -> None:
    (choice,) = complete(client, echo=True).choices

    assert choice.text.startswith(PROMPT) and len(choice.text) > len(PROMPT)
    assert choice.logprobs is None


def test_batches_of_token_ids(client: openai.OpenAI, reference: Reference) -> None:
    """As lm-eval asks: prompts of several lengths, and each twice."""
    prompts = [reference.encode(text) for text in (PROMPT, "Tom has", "😀")]
    completion = complete(client, prompt=prompts, n=2, echo=True, logprobs=TOP, max_tokens=1)

    assert [choice.index for choice in completion.choices] == list(range(6))
    for part in completion.choices:
        tokens, choice = prompts[part.index // 2], scored(part)
        assert len(choice.tokens) == len(tokens) + 1
        want = reference.log_probabilities(tokens)[:-1]
        assert_scores(choice.scores[1:-1], choice.best[1:-1], want, tokens[1:])
        # Ids are shown as they are, special tokens too.
        assert choice.text.startswith(str(reference.tokenizer.decode(tokens)))
        assert_tiles(choice)


def test_requests_at_once_get_what_they_get_alone(client: openai.OpenAI) -> None:
    texts = [f"Anna has {count} pens and buys 4 more. How" for count in range(12)]

    def ask(text: str) -> Scored:
        return score(client, prompt=text, echo=True, logprobs=1)

    alone = [ask(text) for text in texts]
    with ThreadPoolExecutor(len(texts)) as pool:
        together = list(pool.map(ask, texts))

    for mine, other in zip(together, alone, strict=True):
        assert (mine.text, mine.tokens) == (other.text, other.tokens)
        assert_close(mine.scores[1:], other.scores[1:])


def ask_chat(client: openai.OpenAI, **fields: Any) -> Any:
    messages = [{"role": "user", "content": QUESTION}]
    return create(client.chat.completions, **{"messages": messages, "logprobs": True} | fields)


def test_chat_scores_its_answer(client: openai.OpenAI, reference: Reference) -> None:
    (choice,) = ask_chat(client, top_logprobs=TOP).choices
    scores: list[ChatCompletionTokenLogprob] = choice.logprobs.content
    messages = [{"role": "user", "content": QUESTION}]
    prompt = reference.tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_dict=False
    )
    text = choice.message.content
    answer = reference.tokenizer.encode(f"{text}<|eot_id|>", add_special_tokens=False)
    want = reference.log_probabilities([*prompt, *answer])[len(prompt) - 1 :]

    assert [score.token for score in scores] == [reference.tokenizer.decode([t]) for t in answer]
    assert b"".join(bytes(score.bytes or ()) for score in scores) == text.encode()
    assert scores[-1].bytes is None
    for row, token, score in zip(want, answer, scores, strict=False):
        assert score.logprob == pytest.approx(row[token], abs=TOLERANCE)
        ranked = np.argsort(-row)[:TOP]
        assert [best.logprob for best in score.top_logprobs] == pytest.approx(
            row[ranked].tolist(), abs=TOLERANCE
        )
        # Greedy: the token is the best one.
        assert score.top_logprobs[0].logprob == score.logprob


def test_chat_stream_brings_the_same(client: openai.OpenAI) -> None:
    whole = ask_chat(client, top_logprobs=2).choices[0]
    chunks = list(ask_chat(client, top_logprobs=2, stream=True))

    parts = [c.choices[0].logprobs.content for c in chunks if c.choices[0].logprobs]
    assert [s.token for part in parts for s in part] == [s.token for s in whole.logprobs.content]
    for chunk in chunks:
        (choice,) = chunk.choices
        if choice.delta.content:
            own = b"".join(bytes(s.bytes or ()) for s in choice.logprobs.content)
            assert own.decode() == choice.delta.content


def test_chat_without_numbers_of_best_tokens_has_none(client: openai.OpenAI) -> None:
    scores = ask_chat(client).choices[0].logprobs.content

    assert all(score.top_logprobs == [] and score.logprob <= 0 for score in scores)


def test_bytes_make_the_text_also_where_characters_break(client: openai.OpenAI) -> None:
    """A hot sample has tokens that are parts of characters, whole ones and broken ones."""
    (choice,) = ask_chat(
        client, temperature=2, seed=3, max_tokens=400, extra_body={"ignore_eos": True}
    ).choices
    scores = choice.logprobs.content

    assert len(scores) == 400
    assert any("\N{REPLACEMENT CHARACTER}" in score.token for score in scores)
    joined_bytes = b"".join(bytes(score.bytes or ()) for score in scores)
    assert joined_bytes.decode(errors="replace") == choice.message.content
