"""A model without any sense, which follows a grammar; `jsonschema` is the judge of what it writes.

It chooses among the tokens that may come, each as likely as any other, and ends where it may.
"""

# It is imported by name, where it is installed.
# build: deps = ["@pip_dev//:xgrammar"]

from __future__ import annotations

import json
import random
from importlib.util import find_spec
from typing import Any

import jsonschema
import torch

from max.pipelines.context import Constraint, TextContext, TokenBuffer
from max.pipelines.sampling.grammars.compiled import Grammars
from max.pipelines.sampling.grammars.masks import mask_logits
from max.pipelines.sampling.grammars.texts import GrammarError, check_grammar, json_grammar
from tests.pipelines.sampling.grammars.byte_tokens import END, NUM_TOKENS, byte_tokenizer

MOST_TOKENS = 400
BACKENDS = {
    name: Grammars(byte_tokenizer, name) for name in ("llguidance", "xgrammar") if find_spec(name)
}


def written(grammar: str, seed: int, backend: str) -> str | None:
    """What the model writes; None if it does not find the end in time."""
    chance = random.Random(seed)
    context = TextContext(
        tokens=TokenBuffer([1]), max_length=9, constraint=Constraint(grammar=grammar)
    )
    follower = BACKENDS[backend].follow(context)
    tokens: list[int] = []
    while len(tokens) < MOST_TOKENS:
        generated = torch.tensor(tokens, dtype=torch.int64).numpy()
        bits = follower.allowed(generated, [END])
        assert bits is not None
        row = mask_logits(torch.zeros(1, NUM_TOKENS), {0: bits})[0]
        allowed = row.isfinite().nonzero().flatten().tolist()
        assert allowed, f"nothing may come after {bytes(tokens)!r}"
        if END in allowed and (len(allowed) == 1 or chance.random() < 0.3):
            # xgrammar lets bytes of surrogates through, for which servers show U+FFFD.
            return bytes(tokens).decode(errors="replace" if backend == "xgrammar" else "strict")
        tokens.append(chance.choice([token for token in allowed if token != END]))
    return None


def hold(schema: dict[str, Any], seed: int, backend: str) -> None:
    """Checks that what is written under a schema fits it."""
    grammar = json_grammar(schema)
    try:
        check_grammar(grammar)
    except GrammarError as error:
        # No JSON fits it, and that is said before.
        assert "nsatisfiable" in str(error), error
        return
    if (text := written(grammar, seed, backend)) is not None:
        validator = jsonschema.Draft202012Validator(
            schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
        )
        validator.validate(json.loads(text))
