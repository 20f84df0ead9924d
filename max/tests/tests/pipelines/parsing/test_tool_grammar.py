"""What the grammars of calls let through is read as calls, with arguments that fit."""

from __future__ import annotations

import json
import random

import jsonschema
import pytest
import torch

from max.pipelines.context import Constraint, TextContext, TokenBuffer
from max.pipelines.parsing.registry import TOOL_FORMATS
from max.pipelines.parsing.tool_grammar import call_grammar, expression
from max.pipelines.sampling.grammars.compiled import Grammars
from max.pipelines.sampling.grammars.masks import mask_logits
from max.pipelines.sampling.grammars.texts import check_grammar
from tests.pipelines.parsing.recorded import TOOLS, Found, Recorded, parse
from tests.pipelines.sampling.grammars.byte_tokens import END, NUM_TOKENS, byte_tokenizer

MOST_TOKENS = 700
CLOSING = set(b'"<\n}')
GRAMMARS = Grammars(byte_tokenizer)


def written(grammar: str, seed: int) -> str | None:
    """What a model without any sense writes; None if it finds no end in time."""
    chance = random.Random(seed)
    context = TextContext(
        tokens=TokenBuffer([1]), max_length=9, constraint=Constraint(grammar=grammar)
    )
    follower, tokens = GRAMMARS.follow(context), list[int]()
    while len(tokens) < MOST_TOKENS:
        bits = follower.allowed(torch.tensor(tokens, dtype=torch.int64).numpy(), [END])
        assert bits is not None
        row = mask_logits(torch.zeros(1, NUM_TOKENS), {0: bits})[0]
        allowed = row.isfinite().nonzero().flatten().tolist()
        if END in allowed and (len(allowed) == 1 or chance.random() < 0.5):
            return bytes(tokens).decode()
        # Ends of texts are found sooner when their first characters are liked.
        ends = [token for token in allowed if token in CLOSING and chance.random() < 0.4]
        tokens.append(chance.choice(ends or [token for token in allowed if token != END]))
    return None


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("name", TOOL_FORMATS)
def test_enforced_calls_are_calls(name: str, many: bool) -> None:
    grammar = call_grammar(TOOL_FORMATS[name], TOOLS, {}, many=many)
    check_grammar(grammar)
    schemas = {tool.name: tool.parameters for tool in TOOLS}

    texts = [text for seed in range(12) if (text := written(grammar, seed)) is not None]

    assert texts, "the model found an end in some of its attempts"
    for text in texts:
        found = parse(Recorded(name, text, Found()), [text])
        assert found.calls, text
        assert not found.content.strip()
        assert many or len(found.calls) == 1
        for function, arguments in found.calls:
            jsonschema.validate(json.loads(arguments), schemas[function])


@pytest.mark.parametrize("name", [name for name, each in TOOL_FORMATS.items() if each.begin])
def test_what_follows_the_tag_is_the_same_calls(name: str) -> None:
    format = TOOL_FORMATS[name]
    grammar = call_grammar(format, TOOLS[1:], {}, many=False, is_begun=True)

    texts = [text for seed in range(12) if (text := written(grammar, seed)) is not None]

    assert texts
    for text in texts:
        whole = (format.begin or "") + text
        ((function, arguments),) = parse(Recorded(name, whole, Found()), [whole]).calls
        assert (function, json.loads(arguments)) == ("clock", {})


def test_special_tokens_are_no_text() -> None:
    special = {"<a>": 7, "<b>": 8}

    assert expression("x<a><b>y", special) == '"x" <[7]> <[8]> "y"'
    assert expression("xy", special) == '"xy"'
    assert expression("", special) == '""'
