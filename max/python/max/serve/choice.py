"""From tokens to text: one choice of an answer as it grows."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Literal

import msgspec

from max.pipelines.context import GenerationStatus
from max.pipelines.lib.stream_decoder import StreamDecoder
from max.pipelines.lib.token_pieces import TokenPieces
from max.pipelines.parsing.answer import AnswerParser
from max.pipelines.parsing.events import Arguments, CallBegins, Event
from max.serve.answer_plan import ALL_CONTENT, AnswerPlan
from max.serve.echo import EchoedPrompt
from max.serve.generation import Generation
from max.serve.mailbox import ChoiceDelta
from max.serve.scored_text import ScoredText, ScoredToken, each_position
from max.serve.telemetry.request_record import current_record

Scores = tuple[float, Mapping[int, float]]
FinishReason = Literal["stop", "length", "tool_calls"]


class TextDelta(msgspec.Struct, frozen=True):
    """Text that one choice gained, and why it ended if it did.

    `events` is what was found in the text, where it is taken apart; None where it is not.
    """

    index: int
    text: str
    finish_reason: FinishReason | None
    scores: Sequence[ScoredToken] = ()
    events: Sequence[Event] | None = None


class Choice:
    """Decodes one choice's tokens and knows when it is finished.

    Args:
        index: Its place among the choices of the request.
        decoder: Of its text.
        pieces: Of its tokens, if they are wanted with their log probabilities.
        echo: The prompt, if the text shall begin with it.
        plan: How its text is taken apart.
        is_answered: Whether tokens that come are wanted.
    """

    def __init__(
        self,
        index: int,
        decoder: StreamDecoder,
        pieces: TokenPieces | None = None,
        echo: EchoedPrompt | None = None,
        plan: AnswerPlan = ALL_CONTENT,
        *,
        is_answered: bool = True,
    ) -> None:
        self.index = index
        self.finish_reason: FinishReason | None = None
        self._cached_tokens: int | None = None
        self._decoder = decoder
        self._num_end_tokens = 0
        self._pieces = pieces
        self._scored = ScoredText(decoder, len(echo.text) if echo else 0) if pieces else None
        self._echo = echo
        self._is_answered = is_answered
        self._parser = plan.make_parser()
        self._plan = plan
        self.num_calls = 0
        # Tokens of what the model thought; None where that is not told from the rest.
        self.reasoning_tokens: int | None = None if self._parser is None else 0

    @property
    def num_tokens(self) -> int:
        """Tokens that the answer took, its end token included; none after a stop string."""
        return self._decoder.num_tokens + self._num_end_tokens

    @property
    def cached_tokens(self) -> int:
        """Prompt tokens that were not computed for it; a worker that took it over has no say."""
        return self._cached_tokens or 0

    @property
    def stopped_by_string(self) -> bool:
        """Whether a stop string ended it, which the worker does not know."""
        return self._decoder.stopped is not None

    @property
    def stop_string(self) -> str | None:
        """The stop string that ended it."""
        return self._decoder.stopped

    def advance(self, delta: ChoiceDelta) -> TextDelta:
        """Adds tokens and gives the text that they make certain."""
        if self._cached_tokens is None:
            self._cached_tokens = delta.cached_tokens
        prefix = self._echoed(delta)
        gained = self._answer(delta) if self._is_answered else self._no_answer(delta)
        if prefix is None:
            return gained
        text, scores = prefix
        return msgspec.structs.replace(
            gained, text=text + gained.text, scores=[*scores, *gained.scores]
        )

    def _echoed(self, delta: ChoiceDelta) -> tuple[str, list[ScoredToken]] | None:
        """The prompt, once: with the first token, when all of its log probabilities are there."""
        if self._echo is None:
            return None
        self._echo.add(delta.prompt_log_probabilities)
        if not delta.tokens and not delta.status.is_done:
            return None
        echo, self._echo = self._echo, None
        return echo.text, echo.scored_tokens(self._pieces) if self._pieces else []

    def _no_answer(self, delta: ChoiceDelta) -> TextDelta:
        """Ends with the first token: it says that the prompt is done with."""
        if delta.tokens:
            self.finish_reason = "length"
        return TextDelta(self.index, "", self.finish_reason)

    def _answer(self, delta: ChoiceDelta) -> TextDelta:
        has_end_token = delta.status is GenerationStatus.END_OF_SEQUENCE
        text_tokens = delta.tokens[:-1] if has_end_token else delta.tokens
        scores = [] if self._scored is None else list(each_position(delta.log_probabilities))
        events: list[Event] | None = None
        if self._parser is None:
            text = self._push(text_tokens, scores)
        else:
            text, events = self._take_apart(self._parser, text_tokens, scores)
        if delta.status.is_done and not self.stopped_by_string:
            last = self._decoder.finish()
            text += last
            if self._parser is not None and events is not None:
                events += self._parser.push(last)
            if self._scored is not None and has_end_token:
                self._scored.add(delta.tokens[-1], scores[-1])
        is_over = delta.status.is_done or self.stopped_by_string
        if self._parser is not None and events is not None:
            events = self._wanted(events + (self._parser.finish() if is_over else []))
        if self.stopped_by_string:
            self.finish_reason = "stop"
        elif delta.status.is_done:
            self._num_end_tokens = int(has_end_token)
            at_limit = delta.status is GenerationStatus.MAXIMUM_LENGTH
            self.finish_reason = "length" if at_limit else "stop"
        if self.finish_reason == "stop" and self.num_calls and self._plan.calls_end_it:
            self.finish_reason = "tool_calls"
        return TextDelta(self.index, text, self.finish_reason, self._released(text), events)

    def _push(self, tokens: Sequence[int], scores: Sequence[Scores]) -> str:
        if self._scored is None:
            return self._decoder.push(tokens)
        return self._scored.push(tokens, scores[: len(tokens)])

    def _take_apart(
        self, parser: AnswerParser, tokens: Sequence[int], scores: Sequence[Scores]
    ) -> tuple[str, list[Event]]:
        """One token at a time, so that those of reasoning are counted as if each came alone."""
        text, events = "", list[Event]()
        for place, token in enumerate(tokens):
            if self.stopped_by_string:
                break
            was_reasoning = parser.is_reasoning
            piece = self._push([token], scores[place : place + 1])
            events += parser.push(piece)
            text += piece
            assert self.reasoning_tokens is not None, "there is a parser"
            self.reasoning_tokens += was_reasoning or parser.is_reasoning
        return text, events

    def _wanted(self, events: list[Event]) -> list[Event]:
        """The events without those of calls after the first, if only that one is wanted."""
        wanted = list[Event]()
        for event in events:
            self.num_calls += isinstance(event, CallBegins)
            is_call = isinstance(event, CallBegins | Arguments)
            if not (is_call and self.num_calls > 1 and self._plan.only_first_call):
                wanted.append(event)
        return wanted

    def _released(self, text: str) -> Sequence[ScoredToken]:
        if self._scored is None:
            return ()
        is_last = self.finish_reason is not None and not self.stopped_by_string
        return self._scored.release(text, is_last=is_last)


async def text_deltas(
    generation: Generation, choices: Sequence[Choice]
) -> AsyncGenerator[list[TextDelta], None]:
    """What the choices gain, as it comes, until all are finished."""
    record = current_record()
    unfinished = len(choices)
    while unfinished:
        deltas = await generation.take()
        began = time.perf_counter()
        gained = []
        for delta in deltas:
            choice = choices[delta.index]
            if choice.finish_reason is not None:
                continue
            gained.append(choice.advance(delta))
            if choice.stopped_by_string:
                generation.cancel(choice.index)
            if choice.finish_reason is not None:
                unfinished -= 1
        record.decoding_s += time.perf_counter() - began
        if gained:
            yield gained
