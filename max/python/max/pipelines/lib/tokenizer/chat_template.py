"""A conversation as the text that the model was trained on."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from max.pipelines.config import ModelSourceError
from max.pipelines.context import InputError
from max.pipelines.lib.tokenizer.control_tokens import ControlTokens, CutText, cut
from max.pipelines.lib.tokenizer.local_templates import LocalTemplates
from max.pipelines.lib.tokenizer.templates import TemplateForms, TemplateRefusal, Templates
from max.pipelines.modeling.types import TextGenerationRequestMessage

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_END_MARK = "THE_FINAL_MESSAGE_ENDS_HERE "
# What templates get anyway, and arguments of transformers' function of the same purpose.
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
_LOCAL = LocalTemplates()


def render_chat(
    delegate: PreTrainedTokenizerBase,
    messages: Sequence[TextGenerationRequestMessage],
    *,
    template: str | None,
    tools: Sequence[dict[str, Any]] | None = None,
    options: Mapping[str, Any] | None = None,
    templates: Templates = _LOCAL,
    control_tokens: ControlTokens | None = None,
) -> CutText:
    """Renders a conversation through a chat template, special tokens included.

    Args:
        delegate: The tokenizer, whose own template is used when `template` is None.
        messages: The conversation. Where the template does not read lists of parts, those of text
            are joined by newlines.
        template: A Jinja template instead of the tokenizer's.
        tools: Tool descriptions.
        options: Further variables of the template. The assistant's header is added unless
            `add_generation_prompt` is false here; with `continue_final_message` the text ends
            inside the last message.
        templates: What renders.
        control_tokens: What is text where a client wrote it; None for nothing.

    Raises:
        InputError: If the template refuses the conversation, if a content part is not text, or if
            an option is an argument of the tokenizer's or one of its special tokens.
    """
    given = {"add_generation_prompt": True, "documents": None, **(options or {})}
    names = delegate.special_tokens_map
    if reserved := sorted((_RESERVED_OPTIONS | names.keys()) & given.keys()):
        raise InputError(
            f"Chat template options may not be named {', '.join(reserved)}.",
            param="chat_template_kwargs",
        )
    text = template or template_of(delegate.chat_template, bool(tools))
    continues = given.pop("continue_final_message", False)
    try:
        forms = templates.forms_of(text)
        conversation = [message_for_template(message, forms) for message in messages]
        mark = None
        if control_tokens is not None:
            mark = control_tokens.new_mark()
            conversation = control_tokens.marked(conversation, mark)
            given, tools = control_tokens.marked((given, tools), mark)
        if continues:
            _mark_end(conversation, given)
        variables = {"messages": conversation, "tools": list(tools) if tools else None}
        rendered = templates.render(text, {**variables, **names, **given})
    except TemplateRefusal as refusal:
        raise InputError(f"The model's chat template {refusal}", param="messages") from refusal
    _check_all_is_there(conversation, forms, rendered)
    text = _until_mark(rendered) if continues else rendered
    return CutText(text) if mark is None else cut(text, mark)


def _check_all_is_there(
    conversation: Sequence[Mapping[str, Any]], forms: TemplateForms, rendered: str
) -> None:
    """Refuses what a template leaves out without a word, as some do with roles they do not know."""
    known = forms.as_text | forms.as_parts
    if "user" not in known:
        return  # no chat's: it may show what it likes
    for message in conversation:
        if message["role"] in {*known, "assistant"}:
            continue
        text = text_of(message["content"]).strip()
        written = (text, *(json.dumps(text, ensure_ascii=a)[1:-1] for a in (False, True)))
        if not any(each in rendered for each in written):
            raise InputError(
                f"The model's chat template leaves messages of role '{message['role']}' out: say "
                "what is in them in another one, or start with --chat-template FILE.",
                param="messages",
            )


def _mark_end(conversation: list[dict[str, Any]], options: Mapping[str, Any]) -> None:
    """Marks where the last message ends; a template may write more behind it."""
    if options["add_generation_prompt"]:
        raise InputError(
            "continue_final_message asks to go on with the last message, add_generation_prompt to "
            "begin another one: set one of them to false.",
            param="chat_template_kwargs",
        )
    if not conversation:
        raise InputError("There is no message to continue.", param="messages")
    last = conversation[-1]
    if isinstance(last["content"], list):
        last["content"] = [*last["content"], {"type": "text", "text": _END_MARK}]
    else:
        last["content"] += _END_MARK


def _until_mark(rendered: str) -> str:
    if _END_MARK.strip() not in rendered:
        raise InputError(
            "The model's chat template leaves the last message out: it cannot be continued.",
            param="messages",
        )
    place = rendered.rindex(_END_MARK.strip())
    text = rendered[:place]
    # A template that takes off the space behind the mark takes it off a message's end, too.
    return text if rendered.startswith(_END_MARK, place) else text.rstrip()


def template_of(templates: str | Mapping[str, str] | None, has_tools: bool = False) -> str:
    """The template to use of a model's: it may have one of its own for tools.

    Raises:
        ModelSourceError: If there are several, and none is the default.
    """
    if not isinstance(templates, Mapping):
        return templates or ""
    names = ["tool_use", "default"] if has_tools else ["default"]
    found = next((templates[name] for name in names if name in templates), None)
    if found is None:
        raise ModelSourceError(
            "the model has several chat templates, and none is named 'default': "
            f"{', '.join(sorted(templates))}. --chat-template takes a file with the one to use."
        )
    return found


def check_template(
    delegate: PreTrainedTokenizerBase, template: str | None, templates: Templates = _LOCAL
) -> None:
    """Finds a chat template that cannot be read at all.

    Raises:
        ModelSourceError: If the template, given or the tokenizer's own, has a syntax error or comes
            to no end.
    """
    origin = "the model's chat template" if template is None else "the given chat template"
    try:
        templates.forms_of(template or template_of(delegate.chat_template))
    except TemplateRefusal as refusal:
        raise ModelSourceError(
            f"{origin} {refusal}. --chat-template takes a file with another one."
        ) from refusal


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


def message_for_template(
    message: TextGenerationRequestMessage, forms: TemplateForms
) -> dict[str, Any]:
    """The message as a template reads it: fields that say nothing (null, empty) are not there.

    Templates of models that think read their thoughts under either of two names.
    """
    mapping = {name: value for name, value in message.to_template_mapping().items() if value}
    mapping["content"] = _content(message, forms)
    if message.reasoning_content:
        mapping["thinking"] = message.reasoning_content
    if message.tool_calls:
        mapping["tool_calls"] = [_with_arguments(call, forms) for call in message.tool_calls]
    return mapping


def _content(
    message: TextGenerationRequestMessage, forms: TemplateForms
) -> str | list[dict[str, Any]]:
    text, role = text_of(message.content), message.role
    if isinstance(message.content, list) and role in forms.as_parts:
        return message.content
    if text and role in forms.as_parts - forms.as_text:
        return [{"type": "text", "text": text}]
    return text


def _with_arguments(call: dict[str, Any], forms: TemplateForms) -> dict[str, Any]:
    """A call without what says nothing of it, and with its arguments as the template reads them."""
    call = {name: value for name, value in call.items() if value is not None}
    if not isinstance(call.get("function"), dict):
        return call
    function = dict(call["function"])
    # Where a client has read the arguments, they stand beside themselves.
    function.pop("parsed_arguments", None)
    arguments = function.get("arguments") or {}
    if forms.arguments_are_text:
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
    elif isinstance(arguments, str):
        # Else a model wrote it, and its text is all there is.
        with contextlib.suppress(ValueError, RecursionError):
            arguments = json.loads(arguments)
    return {**call, "function": {**function, "arguments": arguments}}


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
