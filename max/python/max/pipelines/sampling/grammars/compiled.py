"""Grammars compiled for one tokenizer, each once, beside the steps of the model."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

from max import kernels
from max.kernels.registry import make_cpu_kernels
from max.pipelines.context import TextContext
from max.pipelines.sampling.grammars.follower import CompiledGrammar, Follower
from max.pipelines.sampling.grammars.matcher import Matcher
from max.pipelines.sampling.grammars.xgrammar_matcher import Compile, make_compiler, schema_for

if TYPE_CHECKING:
    from llguidance import LLTokenizer

# A compiled grammar takes some hundred kilobytes.
MOST_COMPILED = 128


class Grammars:
    """The compiled grammars of a model.

    They are compiled in a thread, from when a request with one is first seen: its prompt is
    computed meanwhile, and other requests go on.

    Args:
        load_tokenizer: Makes the tokenizer; called in that thread, when a grammar is first asked
            for.
        backend: "llguidance", or "xgrammar" for the JSON schemas that it can hold.
    """

    def __init__(
        self, load_tokenizer: Callable[[], LLTokenizer], backend: str = "llguidance"
    ) -> None:
        self._load_tokenizer = load_tokenizer
        self._with_xgrammar = backend == "xgrammar"
        self._compiled: OrderedDict[str | None, Future[CompiledGrammar]] = OrderedDict()

    def preload(self) -> None:
        """Loads the tokenizer, the library and the kernel of masks in the thread."""
        self._thread.submit(make_cpu_kernels, [kernels.mask_logits])
        self._thread.submit(
            lambda: self._compile_schema if self._with_xgrammar else self._tokenizer
        )

    def follow(self, context: TextContext) -> Follower:
        """The state of a request that has a constraint, made when it is first asked for.

        It is kept with the context, and follows from the tokens alone: a request that another
        worker takes up gets the same one.
        """
        if not isinstance(context.follower, Follower):
            assert context.constraint is not None, "only such requests are followed"
            constraint = context.constraint
            context.follower = Follower(constraint, self._compiled_once(constraint.grammar))
        return context.follower

    def _compiled_once(self, grammar: str | None) -> Future[CompiledGrammar]:
        found = self._compiled.get(grammar)
        if found is None:
            found = self._compiled[grammar] = self._thread.submit(self._compile, grammar)
            if len(self._compiled) > MOST_COMPILED:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(grammar)
        return found

    def _compile(self, grammar: str | None) -> CompiledGrammar:
        make_cpu_kernels([kernels.mask_logits])
        return CompiledGrammar(
            self._tokenizer, None if grammar is None else self._make_matcher(grammar)
        )

    def _make_matcher(self, grammar: str) -> Matcher:
        if self._with_xgrammar and (schema := schema_for(grammar)) is not None:
            return self._compile_schema(schema)
        from llguidance import LLMatcher

        return LLMatcher(self._tokenizer, grammar, log_level=0)

    @cached_property
    def _compile_schema(self) -> Compile:
        return make_compiler(self._tokenizer)

    @cached_property
    def _thread(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1, thread_name_prefix="grammars")

    @cached_property
    def _tokenizer(self) -> LLTokenizer:
        return self._load_tokenizer()
