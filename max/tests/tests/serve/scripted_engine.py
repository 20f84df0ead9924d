"""An engine whose channel says what a test has written down."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from max.pipelines.context import TextContext, TokenBuffer
from max.pipelines.scheduling import Scheduler
from max.serve.context_codec import from_context
from max.serve.messages import FromWorker, Submit, Tokens, ToWorker
from max.serve.worker.crash_record import CrashRecord
from max.serve.worker.engine import Engine
from tests.serve.scripted_model import ScriptedPipeline, scheduler_of


class ScriptedChannel:
    """Gives the engine messages in rounds, one round per look, and keeps what it sends.

    A look that waits gets the next round's first message; waiting after the last round is an
    error, so a test that hangs in production fails here.
    """

    def __init__(self, *rounds: list[ToWorker]) -> None:
        self.sent: list[FromWorker] = []
        self.num_waits = 0
        self._rounds = deque(deque(messages) for messages in rounds)

    def send(self, message: FromWorker) -> None:
        self.sent.append(message)

    def drain(self) -> Iterator[ToWorker]:
        if self._rounds:
            yield from self._rounds.popleft()

    def receive(self) -> ToWorker:
        self.num_waits += 1
        while self._rounds and not self._rounds[0]:
            self._rounds.popleft()
        assert self._rounds, "the engine waits for a message that never comes"
        return self._rounds[0].popleft()

    def tokens_of(self, submit: Submit) -> list[int]:
        return [
            token
            for message in self.sent
            if isinstance(message, Tokens)
            for delta in message.deltas
            if delta.request_id == submit.request_id
            for token in delta.tokens
        ]

    def sent_of(self, kind: type[FromWorker]) -> list[FromWorker]:
        return [message for message in self.sent if isinstance(message, kind)]


def make_submit(pipeline: ScriptedPipeline, prompt: str, *, max_length: int = 200) -> Submit:
    tokens = list(pipeline.tokenizer.encode(prompt).ids)
    context = TextContext(tokens=TokenBuffer(tokens), max_length=max_length)
    return from_context(context)


def run_engine(
    pipeline: ScriptedPipeline,
    channel: ScriptedChannel,
    kind: type[Engine] = Engine,
    expert_tokens: Mapping[str, Sequence[int]] | None = None,
) -> Scheduler:
    scheduler = scheduler_of(pipeline)
    with tempfile.TemporaryDirectory() as folder:
        engine = kind(pipeline, scheduler, channel, CrashRecord(Path(folder)))
        if expert_tokens is not None:
            engine.report_experts(expert_tokens)
        engine.run()
    pipeline.kv_manager.check_integrity()
    return scheduler


def idle(rounds: int) -> list[list[ToWorker]]:
    """Rounds in which nothing comes: the engine runs a step in each."""
    return [[] for _ in range(rounds)]
