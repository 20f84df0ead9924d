"""Has conversations with a server, each at its time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from max.benchmark.client.client import Client
from max.benchmark.client.events import Answer, read_answer
from max.benchmark.client.exchange import Exchange
from max.benchmark.records import RequestRecord, make_record
from max.benchmark.workload.conversation import Conversation, Transcript

MakeBody = Callable[[Transcript, int | None], bytes]


@dataclass
class _Request:
    """A request that has been sent; its answer is read when it is needed, at last after the run."""

    exchange: Exchange
    conversation: int
    turn: int
    label: str
    arrival: float
    is_complete: bool = False
    answer: Answer | None = None

    def read(self) -> Answer:
        if self.answer is None:
            self.answer = read_answer(self.exchange)
        return self.answer


@dataclass
class LoadGenerator:
    """Sends the requests of conversations.

    Attributes:
        client: How they are sent.
        path: Where to.
        make_body: Makes the body of a request from what has been said and the answer's length.
        max_concurrency: Conversations that run at a time; None does not limit them.
        on_end: Called with each exchange that has ended.
        origin: The start of the run, as `perf_counter`.
    """

    client: Client
    path: str
    make_body: MakeBody
    max_concurrency: int | None = None
    on_end: Callable[[Exchange], None] = lambda exchange: None
    origin: float = 0.0
    _requests: list[_Request] = field(default_factory=list)

    async def run(self, conversations: Sequence[Conversation], arrivals: Sequence[float]) -> bool:
        """Has all conversations; returns whether it was left to the end.

        When it is cancelled, it breaks off the running requests and returns False.

        Args:
            conversations: what is said.
            arrivals: when each one starts, in seconds from now, unless it says so itself.
        """
        plan = sorted(
            (c.arrival if c.arrival is not None else arrival, number, c)
            for number, (c, arrival) in enumerate(zip(conversations, arrivals, strict=True))
        )
        self.origin = perf_counter()
        try:
            await self._start_all(plan)
        except asyncio.CancelledError:
            return False
        return True

    def records(self) -> list[RequestRecord]:
        """What became of the requests, in the order of sending."""
        return [
            make_record(
                request.exchange,
                request.read(),
                origin=self.origin,
                conversation=request.conversation,
                turn=request.turn,
                label=request.label,
                arrival=request.arrival,
                unfinished=not request.is_complete,
            )
            for request in self._requests
        ]

    async def _start_all(self, plan: Sequence[tuple[float, int, Conversation]]) -> None:
        places = asyncio.Semaphore(self.max_concurrency or max(1, len(plan)))
        async with asyncio.TaskGroup() as group:
            for start, number, conversation in plan:
                if (delay := self.origin + start - perf_counter()) > 0:
                    await asyncio.sleep(delay)
                await places.acquire()
                arrival = self.origin + start
                task = group.create_task(self._converse(number, conversation, arrival))
                task.add_done_callback(lambda _: places.release())

    async def _converse(self, number: int, conversation: Conversation, arrival: float) -> None:
        transcript = Transcript(conversation.history)
        for turn_number, turn in enumerate(conversation.turns):
            transcript.said.append(turn.content)
            body = self.make_body(transcript, turn.output_length)
            exchange = Exchange(sent=perf_counter())
            request = _Request(exchange, number, turn_number, conversation.label, arrival)
            self._requests.append(request)
            await self.client.carry(self.client.post_request(self.path, body), exchange)
            request.is_complete = True
            self.on_end(exchange)
            if turn_number + 1 < len(conversation.turns):
                answer = request.read()
                if answer.failure is not None:
                    return  # the next question would be about an answer that is not there
                transcript.said.append(answer.text)
                arrival = exchange.ended
