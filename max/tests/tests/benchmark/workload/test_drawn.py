"""Conversations of random words."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer

from max.benchmark.lengths import parse_lengths
from max.benchmark.workload.conversation import Content, Conversation
from max.benchmark.workload.drawn import (
    Prompts,
    SharedPrefixes,
    prefix_conversations,
    random_conversations,
)
from max.benchmark.workload.vocabulary import Vocabulary, load_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return load_tokenizer("demo")


@pytest.fixture(scope="module", params=["tokens", "text"])
def prompts(request: pytest.FixtureRequest, tokenizer: Tokenizer) -> Prompts:
    as_tokens = request.param == "tokens"
    return Prompts(Vocabulary(tokenizer), as_tokens=as_tokens, special_tokens=False)


def token_count(tokenizer: Tokenizer, content: Content) -> int:
    if isinstance(content, str):
        return len(tokenizer.encode(content, add_special_tokens=False).ids)
    return len(content)


def draw_random(prompts: Prompts, seed: int = 0) -> list[Conversation]:
    return random_conversations(prompts, 8, parse_lengths("5:40"), parse_lengths("2:9"), seed)


def draw_prefixed(prompts: Prompts) -> list[Conversation]:
    prefixes = SharedPrefixes(length=30, groups=2, turns=3)
    return prefix_conversations(prompts, 4, prefixes, parse_lengths("7"), parse_lengths("2:9"), 0)


def test_random_prompts_have_their_lengths(prompts: Prompts, tokenizer: Tokenizer) -> None:
    turns = [turn for conversation in draw_random(prompts) for turn in conversation.turns]
    lengths = [token_count(tokenizer, turn.content) for turn in turns]
    assert len(lengths) == 8
    assert all(5 <= length <= 40 for length in lengths)
    assert len(set(lengths)) > 1
    assert all(turn.output_length in range(2, 10) for turn in turns)


def test_the_seed_decides(prompts: Prompts) -> None:
    assert draw_random(prompts) == draw_random(prompts)
    assert draw_random(prompts) != draw_random(prompts, seed=1)


def test_conversations_of_a_group_begin_alike(prompts: Prompts, tokenizer: Tokenizer) -> None:
    conversations = draw_prefixed(prompts)
    for conversation in conversations:
        lengths = [token_count(tokenizer, turn.content) for turn in conversation.turns]
        assert lengths == [30 + 7, 7, 7]
    starts = [token_ids(tokenizer, c.turns[0].content)[:30] for c in conversations]
    assert starts[0] == starts[2] != starts[1] == starts[3]
    assert len({str(c.turns[0].content) for c in conversations}) == 4


def token_ids(tokenizer: Tokenizer, content: Content) -> list[int]:
    if isinstance(content, str):
        return list(tokenizer.encode(content, add_special_tokens=False).ids)
    return content
