"""What a tokenizer needs of chat templates, wherever they are rendered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class TemplateRefusal(ValueError):
    """A template that cannot be read or rendered; the message goes on after "the template"."""


@dataclass(frozen=True)
class TemplateForms:
    """The forms that a template reads.

    Attributes:
        as_text: roles whose content may be one text.
        as_parts: roles whose content may be a list of parts.
        arguments_are_text: whether arguments of tool calls are JSON text rather than an object.
    """

    as_text: frozenset[str]
    as_parts: frozenset[str]
    arguments_are_text: bool


class Templates(Protocol):
    """Renders templates."""

    def forms_of(self, template: str) -> TemplateForms:
        """The forms that a template reads, found out by trying; asked again, known.

        Raises:
            TemplateRefusal: It has a syntax error, or comes to no end.
        """
        ...

    def render(self, template: str, variables: Mapping[str, Any]) -> str:
        """The text that a template makes of its variables.

        Raises:
            TemplateRefusal: It refuses them, fails with them, or takes too much for them.
        """
        ...
