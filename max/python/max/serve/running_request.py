"""What the API process keeps of a request until it is done."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import msgspec

from max.serve.mailbox import ChoiceDelta, Mailbox
from max.serve.messages import Submit, TokenDelta
from max.serve.request_faults import RequestFaults
from max.serve.telemetry.token_clock import TokenClock


@dataclass(slots=True)
class RunningRequest:
    """A request that is not done: all that is needed to run it again from where it stands.

    Attributes:
        submit: The message to the first worker.
        mailbox: Where its tokens go.
        index: Which choice of its HTTP request it is.
        admitted: Done when a worker has taken or refused it.
        clock: Measures its tokens.
        emitted: The tokens that have come.
        prompt_tokens_scored: Prompt tokens whose log probabilities have come.
        faults: What speaks against it.
        failed_length: Its tokens in the last step that failed, 0 once it is past that.
    """

    submit: Submit
    mailbox: Mailbox
    index: int
    admitted: asyncio.Future[None]
    clock: TokenClock
    emitted: list[int] = field(default_factory=list)
    prompt_tokens_scored: int = 0
    faults: RequestFaults = field(default_factory=RequestFaults)
    failed_length: int = 0

    @property
    def request_id(self) -> str:
        """The engine's id of it."""
        return self.submit.request_id

    @property
    def length(self) -> int:
        """Tokens that are known of it."""
        return len(self.submit.tokens) + len(self.emitted)

    def message(self) -> Submit:
        """What lets a worker go on with it."""
        tokens = [*self.submit.tokens, *self.emitted]
        return msgspec.structs.replace(
            self.submit,
            tokens=tokens,
            prompt_tokens_scored=self.prompt_tokens_scored,
            failed_length=self.failed_length,
        )

    def take(self, delta: TokenDelta, now: float) -> None:
        """Keeps what a step brought and hands it on; `now` is in `time.monotonic` seconds."""
        self.emitted += delta.tokens
        prompt_scores = delta.prompt_log_probabilities
        self.prompt_tokens_scored += len(prompt_scores or ())
        if delta.tokens:
            self.clock.tick(len(delta.tokens), now)
            self.faults.unexplained = 0
        if self.failed_length and self.length > self.failed_length:
            self.failed_length = 0
            self.faults.clear()
        self.mailbox.put(
            ChoiceDelta(
                self.index,
                delta.tokens,
                delta.status,
                delta.cached_tokens,
                log_probabilities=delta.log_probabilities or [],
                prompt_log_probabilities=[prompt_scores] if prompt_scores else [],
                embedding=delta.embedding,
            )
        )
