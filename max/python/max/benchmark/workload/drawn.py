"""Conversations of random words, alone or behind shared prefixes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from max.benchmark.lengths import LengthDistribution
from max.benchmark.workload.conversation import Content, Conversation, Turn
from max.benchmark.workload.vocabulary import Vocabulary


@dataclass(frozen=True)
class Prompts:
    """Draws prompts in the form that the server gets.

    Attributes:
        vocabulary: What the prompts are made of.
        as_tokens: Token ids instead of text.
        special_tokens: The server puts the tokenizer's special tokens around a text; they count.
    """

    vocabulary: Vocabulary
    as_tokens: bool
    special_tokens: bool

    def draw(self, generator: np.random.Generator, length: int, *, first: bool = True) -> Content:
        """Draws a prompt of exactly `length` tokens, or, not `first`, a continuation of one."""
        if self.as_tokens:
            return self.vocabulary.random_ids(generator, length)
        return self.vocabulary.random_text(
            generator, length, special_tokens=self.special_tokens and first
        )


def random_conversations(
    prompts: Prompts,
    count: int,
    input_lengths: LengthDistribution,
    output_lengths: LengthDistribution,
    seed: int,
) -> list[Conversation]:
    """One question each, no two alike."""
    generator = np.random.default_rng(seed)
    lengths = zip(
        input_lengths.sample(generator, count),
        output_lengths.sample(generator, count),
        strict=True,
    )
    return [
        Conversation((Turn(prompts.draw(generator, prompt), answer),)) for prompt, answer in lengths
    ]


@dataclass(frozen=True)
class SharedPrefixes:
    """The form of conversations that begin alike.

    Attributes:
        length: Tokens of a prefix.
        groups: Number of different prefixes; conversations take them in turn.
        turns: Questions of each conversation.
    """

    length: int
    groups: int
    turns: int


def prefix_conversations(
    prompts: Prompts,
    count: int,
    prefixes: SharedPrefixes,
    input_lengths: LengthDistribution,
    output_lengths: LengthDistribution,
    seed: int,
) -> list[Conversation]:
    """Conversations whose first question begins with a prefix that their group shares.

    Each question adds a text with a length of `input_lengths`.
    """
    generator = np.random.default_rng(seed)
    shared = [prompts.draw(generator, prefixes.length) for _ in range(prefixes.groups)]
    conversations = []
    for number in range(count):
        questions = [
            prompts.draw(generator, length, first=False)
            for length in input_lengths.sample(generator, prefixes.turns)
        ]
        questions[0] = _joined(shared[number % prefixes.groups], questions[0])
        answers = output_lengths.sample(generator, prefixes.turns)
        turns = tuple(Turn(*turn) for turn in zip(questions, answers, strict=True))
        conversations.append(Conversation(turns))
    return conversations


def _joined(prefix: Content, text: Content) -> Content:
    if isinstance(prefix, str) and isinstance(text, str):
        return prefix + text
    return [*prefix, *text]
