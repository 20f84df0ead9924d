"""Chat templates of public packages, rendered by us and by transformers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, NamedTuple

from max.pipelines.context import InputError
from max.pipelines.lib.tokenizer.chat_template import render_chat
from max.pipelines.lib.tokenizer.templates import TemplateRefusal
from max.pipelines.modeling.types import TextGenerationRequestMessage
from tools.compatibility.conversations import CONVERSATIONS, Conversation

_SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
_MOMENTS = re.compile(r"\d\d:\d\d(:\d\d)?")


class Matrix(NamedTuple):
    """How often what came out.

    Attributes:
        counts: "same", "ours alone", "both refuse", "different" or "refused by us alone".
        notable: (template, conversation, outcome) of the last two.
    """

    counts: Counter[str]
    notable: list[tuple[str, str, str]]


def compare(templates: Iterable[tuple[str, str]]) -> Matrix:
    """Renders every conversation with every template.

    Args:
        templates: names and texts.
    """
    matrix = Matrix(Counter(), [])
    for name, text in templates:
        for conversation in CONVERSATIONS:
            outcome = _outcome(text, conversation)
            matrix.counts[outcome] += 1
            if outcome in ("different", "refused by us alone"):
                matrix.notable.append((name, conversation.name, outcome))
    return matrix


def _outcome(template: str, conversation: Conversation) -> str:
    ours, theirs = _ours(template, conversation), _theirs(template, conversation)
    if ours is None:
        return "both refuse" if theirs is None else "refused by us alone"
    if theirs is None:
        return "ours alone"
    return "same" if _MOMENTS.sub("", ours) == _MOMENTS.sub("", theirs) else "different"


def _ours(template: str, conversation: Conversation) -> str | None:
    delegate: Any = SimpleNamespace(special_tokens_map=_SPECIAL, chat_template=template)
    messages = [TextGenerationRequestMessage.from_mapping(m) for m in conversation.sent]
    try:
        rendered = render_chat(delegate, messages, template=template, tools=conversation.tools)
    except (InputError, TemplateRefusal):
        return None
    return rendered.text


def _theirs(template: str, conversation: Conversation) -> str | None:
    from transformers.utils.chat_template_utils import render_jinja_template

    variables: dict[str, Any] = {"tools": conversation.tools, **_SPECIAL}
    try:
        rendered = render_jinja_template(
            conversations=[conversation.plain],
            chat_template=template,
            add_generation_prompt=True,
            **variables,
        )
    except Exception:
        return None
    return str(rendered[0][0])
