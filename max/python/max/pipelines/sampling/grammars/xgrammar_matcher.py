"""JSON schemas followed by xgrammar, https://github.com/mlc-ai/xgrammar, where it is installed."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from max.pipelines.sampling.grammars.texts import WHITESPACE

if TYPE_CHECKING:
    from llguidance import LLTokenizer
    from xgrammar import CompiledGrammar, GrammarMatcher

Compile = Callable[[str], "XGrammarMatcher"]

# The keywords that xgrammar 0.2.9 holds to as JSON Schema means them. Others it overlooks, or takes
# for something else, as `multipleOf` and `patternProperties` beside `properties`.
_REST = frozenset({"$defs", "definitions", "description", "title"})
# Beside these it overlooks all but the rest.
_ALONE = frozenset({"$ref", "anyOf", "const", "enum"})
_KEYWORDS = frozenset(
    {
        "additionalProperties",
        "items",
        "maxItems",
        "maximum",
        "minItems",
        "minimum",
        "properties",
        "required",
        "type",
    }
)
# At most so much whitespace between tokens of JSON as `WHITESPACE` allows.
_MOST_WHITESPACE = 41


def schema_for(grammar: str) -> str | None:
    """The JSON schema that a grammar of llguidance's form consists of, if xgrammar can hold it."""
    try:
        found: Any = json.loads(grammar)["grammars"][0]["json_schema"]
    except (json.JSONDecodeError, TypeError, LookupError):
        return None  # a grammar in the form of Lark
    if not isinstance(found, dict):
        return None
    options = found.pop("x-guidance", {})
    if options != {"whitespace_flexible": True, "whitespace_pattern": WHITESPACE}:
        return None
    return json.dumps(found) if _is_held(found) else None


def make_compiler(tokenizer: LLTokenizer) -> Compile:
    """What compiles JSON schemas for a tokenizer.

    Raises:
        ImportError: If xgrammar is not installed.
    """
    import xgrammar

    # A token without bytes is a special one, which no text stands for.
    tokens = [
        b"" if tokenizer.is_special_token(token) else tokenizer.decode_bytes([token])
        for token in range(tokenizer.vocab_size)
    ]
    about = xgrammar.TokenizerInfo(tokens, stop_token_ids=list(tokenizer.eos_tokens))
    compiler = xgrammar.GrammarCompiler(about, max_threads=1, cache_enabled=False)

    def compile_schema(schema: str) -> XGrammarMatcher:
        return XGrammarMatcher(
            compiler.compile_json_schema(
                schema, strict_mode=False, max_whitespace_cnt=_MOST_WHITESPACE
            )
        )

    return compile_schema


class XGrammarMatcher:
    """A place in a compiled grammar; see `Matcher`."""

    def __init__(
        self, compiled: CompiledGrammar, matcher: GrammarMatcher | None = None, error: str = ""
    ) -> None:
        from xgrammar import GrammarMatcher

        self._compiled = compiled
        self._matcher = GrammarMatcher(compiled) if matcher is None else matcher
        self._error = error

    def deep_copy(self) -> XGrammarMatcher:
        return XGrammarMatcher(self._compiled, self._matcher.fork(), self._error)

    def consume_tokens(self, tokens: list[int]) -> bool:
        for token in tokens:
            if not self._error and not self._matcher.accept_token(token):
                self._error = f"token {token} does not fit the grammar"
        return not self._error

    def is_error(self) -> bool:
        return bool(self._error)

    def get_error(self) -> str:
        return self._error

    def is_accepting(self) -> bool:
        return self._matcher.is_completed()

    def unsafe_compute_mask_ptr(self, pointer: int, num_bytes: int) -> None:
        memory = (ctypes.c_int32 * (num_bytes // 4)).from_address(pointer)
        self._matcher.fill_next_token_bitmask(np.ctypeslib.as_array(memory).reshape(1, -1))


def _is_held(schema: Any) -> bool:
    if schema is True:
        return True
    if not isinstance(schema, dict):
        return False
    keywords = schema.keys() - _REST
    if not (keywords <= _KEYWORDS or (len(keywords) == 1 and keywords <= _ALONE)):
        return False
    # It does not look for what is escaped, and not for what only `required` names.
    if "~" in schema.get("$ref", "") or "%" in schema.get("$ref", ""):
        return False
    if not set(schema.get("required", ())) <= schema.get("properties", {}).keys():
        return False
    inner = [*schema.get("anyOf", ())]
    for keyword in ("properties", "$defs", "definitions"):
        inner += schema.get(keyword, {}).values()
    for keyword in ("additionalProperties", "items"):
        if schema.get(keyword) is not False:
            inner.append(schema.get(keyword, True))
    return all(map(_is_held, inner))
