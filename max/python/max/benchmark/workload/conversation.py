"""A conversation to be had with a server, and its state while it is had."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

# Text, or token ids where the server takes them.
Content = str | list[int]


class Message(NamedTuple):
    """One message of a chat."""

    role: str
    content: Any


@dataclass(frozen=True)
class Turn:
    """What the user says next.

    Attributes:
        content: The text or token ids that it adds.
        output_length: Longest answer in tokens; None leaves it to the server.
    """

    content: Content
    output_length: int | None = None


@dataclass(frozen=True)
class Conversation:
    """Turns that follow each other: each one is sent when the answer before it is complete.

    Attributes:
        turns: At least one.
        history: Messages before the first turn; for the chat endpoint only.
        arrival: When it starts, in seconds from the start of the run; None leaves it to the
            arrival process.
        label: Requests of the same label are also summed up by themselves.
    """

    turns: tuple[Turn, ...]
    history: tuple[Message, ...] = ()
    arrival: float | None = None
    label: str = ""


@dataclass
class Transcript:
    """What has been said so far: the next prompt is all of it.

    Attributes:
        history: Messages before the first turn.
        said: Contents of the turns and answers by turns, the user's first.
    """

    history: tuple[Message, ...] = ()
    said: list[Content] = field(default_factory=list)

    def messages(self) -> list[dict[str, Any]]:
        """The prompt of a chat."""
        roles = ("user", "assistant")
        told = [Message(roles[i % 2], content) for i, content in enumerate(self.said)]
        return [message._asdict() for message in (*self.history, *told)]

    def prompt(self) -> Content:
        """The prompt of a completion: all that was said, as one text.

        Token ids can only be a single turn, for answers come as text; there is no history.
        """
        if len(self.said) == 1:
            return self.said[0]
        return "".join(str(content) for content in self.said)
