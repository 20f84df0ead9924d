"""Logits that no model gave, for tests of what compares them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from integration.test_common.logit_files import PromptLogits, TokenLogits

VOCAB_SIZE = 17


def make_results(
    prompts: Sequence[str] = ("one", "two"), steps: int = 3, seed: int = 0
) -> list[PromptLogits]:
    """Random logits of some prompts; the tokens are the most likely ones."""
    random = np.random.default_rng(seed)
    results = []
    for prompt in prompts:
        rows = random.normal(size=(steps, VOCAB_SIZE)).astype(np.float32)
        results.append(PromptLogits(prompt, [TokenLogits(int(r.argmax()), r) for r in rows]))
    return results


def shifted(
    results: Sequence[PromptLogits], amount: float, prompt: int = 0, step: int = 0, token: int = 0
) -> list[PromptLogits]:
    """The results with one logit of one token changed."""
    changed = []
    for number, result in enumerate(results):
        values = list(result.values)
        if number == prompt:
            logits = values[step].logits.copy()
            logits[token] += amount
            values[step] = TokenLogits(values[step].next_token, logits)
        changed.append(PromptLogits(result.prompt, values))
    return changed
