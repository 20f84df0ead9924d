"""How models write what they think before they answer."""

from __future__ import annotations

from dataclasses import dataclass

from max.pipelines.parsing.events import Reasoning
from max.pipelines.parsing.source import Reading, Source, begins_with, skip_space, until


@dataclass(frozen=True)
class ReasoningFormat:
    """Reasoning between two tags, at the beginning of an answer.

    Whether it has begun already is the prompt's business: a chat template may end with `begin`.

    Attributes:
        begin: Opens it.
        end: Closes it; what follows is the answer.
        label: What may stand between `begin` and what is thought.
    """

    begin: str
    end: str
    label: str = ""

    def is_open(self, prompt: str) -> bool:
        """Whether an answer to this prompt begins inside reasoning.

        Only the end of the prompt counts: what users write about tags is not the template's.
        """
        return prompt.rstrip().endswith(self.begin)

    def read(self, source: Source, *, is_open: bool) -> Reading[None]:
        """Finds reasoning at the beginning of an answer, which goes on behind it."""
        if not is_open:
            source.begin_keeping()
            yield from skip_space(source)
            if (yield from begins_with(source, [self.begin])) is None:
                source.text = source.kept() + source.text
                return
            source.kept()
        source.is_reasoning = True
        yield from skip_space(source)
        if self.label and (yield from begins_with(source, [self.label])):
            yield from skip_space(source)
        end = yield from until(source, [self.end], Reasoning)
        if end is not None:
            source.is_reasoning = False
            yield from skip_space(source)


THINK = ReasoningFormat("<think>", "</think>")
MISTRAL_THINK = ReasoningFormat("[THINK]", "[/THINK]")
GEMMA_THINK = ReasoningFormat("<|channel>", "<channel|>", label="thought\n")
SEED_THINK = ReasoningFormat("<seed:think>", "</seed:think>")
