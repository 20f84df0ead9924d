"""A conversation as the text that the model was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from max.pipelines.config import ModelSourceError
from max.pipelines.context import InputError
from max.pipelines.lib.tokenizer.plain_tokenizer import PlainTokenizer
from max.pipelines.modeling.types import TextGenerationRequestMessage

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# What a template may raise: its own refusals, and what its expressions do with unexpected values.
_TEMPLATE_ERRORS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
_RESERVED_OPTIONS = frozenset(
    {
        "chat_template",
        "conversation",
        "max_length",
        "messages",
        "padding",
        "processor_kwargs",
        "return_assistant_tokens_mask",
        "return_dict",
        "return_tensors",
        "self",
        "tokenize",
        "tokenizer_kwargs",
        "tools",
        "truncation",
    }
)


def render_chat(
    delegate: PreTrainedTokenizerBase,
    messages: Sequence[TextGenerationRequestMessage],
    *,
    template: str | None,
    tools: Sequence[dict[str, Any]] | None = None,
    options: Mapping[str, Any] | None = None,
) -> str:
    """Renders a conversation through a chat template, special tokens included.

    Args:
        delegate: The tokenizer, whose own template is used when `template` is None.
        messages: The conversation. Lists of text parts are joined by newlines.
        template: A Jinja template instead of the tokenizer's.
        tools: Tool descriptions.
        options: Further variables of the template. The assistant's header is added unless
            `add_generation_prompt` is false here.

    Raises:
        InputError: If the template refuses the conversation, if a content part is not text, or if
            an option is an argument of the tokenizer's or one of its special tokens.
    """
    from jinja2 import TemplateError

    given = {"add_generation_prompt": True, **(options or {})}
    not_theirs = _RESERVED_OPTIONS | delegate.special_tokens_map.keys()
    if reserved := sorted(not_theirs & given.keys()):
        raise InputError(
            f"Chat template options may not be named {', '.join(reserved)}.",
            param="chat_template_kwargs",
        )
    conversation = [message_for_template(message) for message in messages]
    try:
        rendered = delegate.apply_chat_template(
            conversation,
            tools=list(tools) if tools else None,
            chat_template=template,
            tokenize=False,
            **given,
        )
    except (TemplateError, *_TEMPLATE_ERRORS) as error:
        raise InputError(
            f"The model's chat template does not accept these messages: {error}", param="messages"
        ) from error
    return str(rendered)


def check_template(delegate: PreTrainedTokenizerBase, template: str | None) -> None:
    """Finds a chat template that cannot be read at all; one that only refuses a greeting is fine.

    Raises:
        ModelSourceError: If the template, given or the tokenizer's own, has a syntax error.
    """
    from jinja2 import TemplateError, TemplateSyntaxError

    try:
        if isinstance(delegate, PlainTokenizer):  # rendering would import transformers
            compile_template(template or delegate.chat_template or "")
            return
        greeting = [{"role": "user", "content": "Hello"}]
        delegate.apply_chat_template(greeting, chat_template=template, tokenize=False)
    except TemplateSyntaxError as error:
        origin = "the model's chat template" if template is None else "the given chat template"
        raise ModelSourceError(
            f"{origin} has a syntax error in line {error.lineno}: {error.message}. "
            "--chat-template takes a file with another one."
        ) from error
    except (TemplateError, *_TEMPLATE_ERRORS):
        return  # not a text template's affair: it is told with the request that it refuses


def compile_template(template: str) -> None:
    """Finds syntax errors as transformers would, whose extensions of Jinja these are.

    Raises:
        TemplateSyntaxError: with the line.
    """
    from jinja2 import nodes
    from jinja2.ext import Extension, loopcontrols
    from jinja2.parser import Parser
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """`{% generation %}`, around what the assistant says."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Parser) -> list[nodes.Node]:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.compile(template)


def join_without_template(messages: Sequence[TextGenerationRequestMessage]) -> str:
    """The text of a conversation for a model without a chat template: the user's words as they are.

    Raises:
        InputError: If anyone but the user speaks: nothing would tell the model who said what.
    """
    roles = sorted({message.role for message in messages} - {"user"})
    if roles:
        raise InputError(
            f"This model has no chat template, so messages of role {', '.join(roles)} cannot be "
            "told from the user's. Use /v1/completions, send user messages only, or start with "
            "--chat-template FILE.",
            param="messages",
        )
    return "".join(text_of(message.content) for message in messages)


def message_for_template(message: TextGenerationRequestMessage) -> dict[str, Any]:
    """The message as templates read it, with content as one text."""
    mapping = message.to_template_mapping()
    if isinstance(message.content, list):
        mapping["content"] = text_of(message.content)
    return mapping


def text_of(content: str | list[dict[str, Any]] | None) -> str:
    """The text of a message's content; its parts joined by newlines.

    Raises:
        InputError: If a part is not text.
    """
    if content is None:
        return ""
    return content if isinstance(content, str) else "\n".join(_text_of_part(p) for p in content)


def _text_of_part(part: Mapping[str, Any]) -> str:
    text = part.get("text")
    if part.get("type", "text") != "text" or not isinstance(text, str):
        raise InputError(
            f"A content part has type {part.get('type')!r}; this model takes "
            '{"type": "text", "text": "..."} only.',
            param="messages",
        )
    return text
