"""In which form a chat template reads what there are two forms of: found out by trying both.

Some templates add a message's content to other text, some go through its parts, some do either.
Arguments of tool calls are an object for those that write JSON themselves, and JSON text for
others. What has the wrong form is missing from the prompt, is written as Python's `repr`, or is an
error.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from jinja2 import TemplateError

from max.pipelines.lib.tokenizer.template_environment import compile_template
from max.pipelines.lib.tokenizer.templates import TemplateForms

# What a template may raise: its own refusals, what its expressions do with unexpected values, and
# what comes of a macro that calls itself.
TEMPLATE_ERRORS = (
    TemplateError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    MemoryError,
)
_PROBE = "qzx-probe-7"
_TOKENS = {name: f"<{name}>" for name in ("bos_token", "eos_token", "pad_token", "unk_token")}
_USER = {"role": "user", "content": "Hello"}
Message = dict[str, Any]


# Conversations in which a message of each role comes where templates expect it.
_PLACES: dict[str, Callable[[Message], list[Message]]] = {
    "user": lambda message: [message],
    "system": lambda message: [message, _USER],
    "assistant": lambda message: [_USER, message, _USER],
    "tool": lambda message: [_USER, _calling({}), message],
}


@lru_cache(maxsize=8)
def forms_of(template: str) -> TemplateForms:
    """The forms that a template reads.

    Raises:
        TemplateSyntaxError: with the line.
        RecursionError: if the template calls itself without end.
    """
    compile_template(template)
    text, parts = _PROBE, [{"type": "text", "text": _PROBE}]
    as_object = _rendered(template, [_USER, _calling({_PROBE: "x"}), _answer()])
    as_text = _rendered(template, [_USER, _calling(f'{{"{_PROBE}": "x"}}'), _answer()])
    return TemplateForms(
        frozenset(role for role in _PLACES if _shows(template, role, text)),
        frozenset(role for role in _PLACES if _shows(template, role, parts)),
        arguments_are_text=not _is_read(as_object) and _is_json(as_text),
    )


def _shows(template: str, role: str, content: object) -> bool:
    """Whether a message's text is in the prompt, and not as a part of something else's `repr`."""
    message = {"role": role, "content": content}
    if role == "tool":
        message |= {"tool_call_id": "c1", "name": "f"}
    rendered = _rendered(template, _PLACES[role](message))
    return _PROBE in rendered and not any(
        f"{quote}text{quote}: {quote}{_PROBE}" in rendered for quote in "'\""
    )


def _is_read(rendered: str) -> bool:
    """Whether an object was written, as JSON or in a form of the template's own, not as `repr`."""
    return _PROBE in rendered and f"'{_PROBE}'" not in rendered


def _is_json(rendered: str) -> bool:
    return f'"{_PROBE}"' in rendered


def _calling(arguments: object) -> Message:
    function = {"name": "f", "arguments": arguments}
    calls = [{"id": "c1", "type": "function", "function": function}]
    return {"role": "assistant", "content": "", "tool_calls": calls}


def _answer() -> Message:
    return {"role": "tool", "content": "x", "tool_call_id": "c1", "name": "f"}


def _rendered(template: str, messages: list[Message]) -> str:
    """The prompt; empty where the template refuses the conversation."""
    try:
        return compile_template(template).render(
            messages=messages, tools=None, documents=None, add_generation_prompt=True, **_TOKENS
        )
    except RecursionError:
        raise
    except TEMPLATE_ERRORS:
        return ""
