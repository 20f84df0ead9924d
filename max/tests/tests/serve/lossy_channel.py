"""A worker's channel inside one process, which loses what a dying worker had not sent yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from max.serve.messages import FromWorker, ToWorker


class Died(SystemExit):
    """Stands for the end of the worker process."""


class Paused(SystemExit):
    """The engine has come to the top of its loop; it can be run on."""


@dataclass
class LossyChannel:
    """The worker's channel; a look at it pauses the engine when it has run `steps_per_turn`."""

    commands: deque[ToWorker] = field(default_factory=deque)
    events: deque[FromWorker] = field(default_factory=deque)
    looks_left: int = 0

    def send(self, message: FromWorker) -> None:
        self.events.append(message)

    def receive(self) -> ToWorker:
        raise Paused

    def drain(self) -> Iterator[ToWorker]:
        if self.looks_left == 0:
            raise Paused
        self.looks_left -= 1
        while self.commands:
            yield self.commands.popleft()


class Commands:
    """What the client sends its messages with."""

    def __init__(self, channel: LossyChannel) -> None:
        self._channel = channel

    def send(self, message: ToWorker) -> None:
        self._channel.commands.append(message)
