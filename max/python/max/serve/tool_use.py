"""What a conversation's answer may consist of, and how it is taken apart."""

from __future__ import annotations

import json
from dataclasses import replace

from max.pipelines.context import Constraint, TextContext
from max.pipelines.context.constraint import Tag
from max.pipelines.parsing.tool_grammar import call_grammar
from max.pipelines.sampling.grammars.texts import GrammarError
from max.serve.answer_plan import ALL_CONTENT, AnswerPlan
from max.serve.constraints import checked, compiled, constrain, constraint_of
from max.serve.contexts import chat_contexts
from max.serve.errors import invalid_value
from max.serve.schemas.chat import ChatCompletionRequest
from max.serve.state import ModelService

# Tokens at the end of a prompt in which a tag is looked for that opens reasoning.
_TAIL = 16


def _check_tools(service: ModelService, body: ChatCompletionRequest) -> None:
    """Refuses what cannot be done about tools.

    Raises:
        ApiError: 400 for choices without tools, unknown names, names given twice, and tools where
            `--tool-parser none` turned them off.
    """
    names = [tool.function.name for tool in body.tools or ()]
    if body.must_call and not names:
        raise invalid_value("tool_choice asks for a call, but there are no 'tools'", "tool_choice")
    if body.named_tool is not None and body.named_tool not in names:
        raise invalid_value(
            f"tool_choice names the function {body.named_tool!r}, which is not among the tools:"
            f" {', '.join(names)}",
            "tool_choice",
        )
    if len(set(names)) < len(names):
        raise invalid_value("tools has two functions of the same name", "tools")
    if body.callable_tools and service.formats.tools is None:
        raise invalid_value(
            "This server was started with --tool-parser none, so it takes no tools",
            "tools",
            "unsupported_parameter",
        )


async def planned_chat(
    service: ModelService, body: ChatCompletionRequest
) -> tuple[list[TextContext], AnswerPlan]:
    """The contexts of a conversation's choices, constrained, and how answers are taken apart.

    Raises:
        ApiError: As `chat_contexts` and `constraint_of`.
    """
    _check_tools(service, body)
    contexts = await chat_contexts(service, body)
    return contexts, await _plan(service, body, contexts)


async def _plan(
    service: ModelService, body: ChatCompletionRequest, contexts: list[TextContext]
) -> AnswerPlan:
    formats, tools = service.formats, body.callable_tools
    tail = await service.tokenizer.decode(contexts[0].tokens.prompt[-_TAIL:].tolist())
    is_open = formats.reasoning is not None and formats.reasoning.is_open(tail)
    constraint = await _constraint(service, body, is_open=is_open)
    if constraint is not None:
        for context in contexts:
            constrain(context, constraint)
    if formats.parser(tools, tail) is None:
        return ALL_CONTENT
    tags, special = formats.tags(with_tools=bool(tools)), service.tokenizer.special_tokens
    plan = AnswerPlan(
        lambda: formats.parser(tools, tail),
        frozenset(token for text, token in special.items() if text not in tags),
        only_first_call=body.parallel_tool_calls is False,
        calls_end_it=body.named_tool is None,
    )
    if formats.tools is None:
        return plan
    return replace(plan, id_prefix=formats.tools.id_prefix, id_length=formats.tools.id_length)


async def _constraint(
    service: ModelService, body: ChatCompletionRequest, *, is_open: bool
) -> Constraint | None:
    """What governs the answer: enforced calls, a form, or calls once they have begun."""
    if body.must_call:
        param = "tools"
        found: Constraint | None = Constraint(
            grammar=await compiled(lambda: _calls(service, body), param, param)
        )
    else:
        found = await constraint_of(service, body)
        if found is None and body.callable_tools:
            return await _after_tag(service, body, is_open=is_open)
        if found is not None and body.callable_tools:
            assert found.grammar is not None
            grammar = found.grammar
            found = Constraint(
                grammar=await compiled(lambda: _either(service, body, grammar), "tools", "tools")
            )
    return _after_reasoning(service, found, body.thinking_token_budget, is_open=is_open)


def _after_reasoning(
    service: ModelService, found: Constraint | None, budget: int | None, *, is_open: bool
) -> Constraint | None:
    """The model may think first: a prompt may have begun that, or the answer may."""
    reasoning = service.formats.reasoning
    if reasoning is None or (found is None and budget is None):
        return found
    opening = None if is_open else _tag(service, reasoning.begin)
    end = _tag(service, reasoning.end)
    base = Constraint() if found is None else found
    return replace(base, begins_after=(end,), opening=opening, budget=budget)


async def _after_tag(
    service: ModelService, body: ChatCompletionRequest, *, is_open: bool
) -> Constraint | None:
    """Calls, from the tag on that begins them; parameters beyond grammars are not enforced."""
    formats = service.formats
    if formats.tools is None or formats.tools.begin is None:
        return _after_reasoning(service, None, body.thinking_token_budget, is_open=is_open)
    try:
        grammar = await checked(lambda: _calls(service, body, is_begun=True))
    except (GrammarError, TimeoutError):
        return _after_reasoning(service, None, body.thinking_token_budget, is_open=is_open)
    tags = [formats.reasoning.end] if is_open and formats.reasoning else []
    return Constraint(
        grammar=grammar,
        begins_after=tuple(_tag(service, tag) for tag in [*tags, formats.tools.begin]),
        is_required=False,
        budget=body.thinking_token_budget if is_open else None,
    )


def _calls(service: ModelService, body: ChatCompletionRequest, *, is_begun: bool = False) -> str:
    tools, special = service.formats.tools, service.tokenizer.special_tokens
    assert tools is not None, "_check_tools refuses tools else"
    many = body.parallel_tool_calls is not False and body.named_tool is None
    return call_grammar(tools, body.callable_tools, special, many=many, is_begun=is_begun)


def _either(service: ModelService, body: ChatCompletionRequest, grammar: str) -> str:
    """Calls, or what `response_format` asks for."""
    try:
        schema = json.loads(grammar)["grammars"][0]["json_schema"]
    except (ValueError, LookupError, TypeError) as error:
        raise GrammarError("beside tools, the form of the answer can only be JSON") from error
    calls = _calls(service, body)
    first, rest = calls.split("\n", 2)[1], calls.split("\n", 2)[2]
    either = f"start: enforced | %json {json.dumps(schema)}"
    return "\n".join(["%llguidance {}", either, first.replace("start:", "enforced:", 1), rest])


def _tag(service: ModelService, text: str) -> Tag:
    return service.tokenizer.special_tokens.get(text, text)
