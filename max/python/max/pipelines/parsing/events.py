"""What is found in an answer, in its order. Pieces that follow each other belong together."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias


class Content(NamedTuple):
    """More of the text that is meant for the user."""

    text: str


class Reasoning(NamedTuple):
    """More of what the model thought."""

    text: str


class CallBegins(NamedTuple):
    """A tool is called; `id` is there where the format has one."""

    name: str
    id: str | None = None


class Arguments(NamedTuple):
    """More of the JSON text of the last call's arguments."""

    text: str


Event: TypeAlias = Content | Reasoning | CallBegins | Arguments
