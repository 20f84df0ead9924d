"""Request fields for tools, and the calls in answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field, JsonValue

from max.pipelines.parsing.calls import Tool
from max.serve.schemas.structured import Schema
from max.serve.schemas.validation import Items, RequestModel

MOST_TOOLS = 128
FUNCTION_NAME = "^[A-Za-z0-9_-]{1,64}$"


_NO_PARAMETERS: JsonValue = {"type": "object", "properties": {}}


class FunctionDefinition(RequestModel):
    """A function that the model may call."""

    name: str = Field(pattern=FUNCTION_NAME)
    description: str | None = None
    parameters: Schema | None = Field(
        default=None, description="JSON schema of its arguments, an object; none if left out."
    )
    strict: bool | None = Field(
        default=None, description="Accepted without effect: arguments fit where calls are enforced."
    )


class ToolDefinition(RequestModel):
    """A tool; functions are the only ones."""

    type: Literal["function"]
    function: FunctionDefinition

    # Accepted without effect: a hint for other providers.
    cache_control: JsonValue = None


class FunctionName(RequestModel):
    """The name of a function."""

    name: str


class NamedToolChoice(RequestModel):
    """This function is called."""

    type: Literal["function"]
    function: FunctionName


class ToolFields(RequestModel):
    """Which tools there are, and whether they have to be used."""

    tools: Annotated[list[ToolDefinition], Items(MOST_TOOLS)] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedToolChoice | None = Field(
        default=None,
        description="By default auto: the model decides. Required and named calls are enforced.",
    )
    parallel_tool_calls: bool | None = Field(
        default=None, description="Whether an answer may have several calls; by default true."
    )

    @property
    def offered_tools(self) -> list[dict[str, JsonValue]]:
        """The tools as chat templates read them; none if none may be called.

        Templates go through the properties of every function's parameters.
        """
        if self.tool_choice == "none":
            return []
        tools = [
            tool.model_dump(exclude_none=True, exclude={"cache_control"})
            for tool in self.tools or ()
        ]
        for tool in tools:
            tool["function"]["parameters"] = tool["function"].get("parameters") or _NO_PARAMETERS
        return tools

    @property
    def callable_tools(self) -> list[Tool]:
        """The tools that the answer may call: the named one, if one is."""
        if self.tool_choice == "none":
            return []
        named = self.named_tool
        functions = [tool.function for tool in self.tools or ()]
        return [
            Tool(function.name, _object(function.parameters))
            if function.parameters
            else Tool(function.name)
            for function in functions
            if named in (None, function.name)
        ]

    @property
    def named_tool(self) -> str | None:
        """The function that has to be called."""
        choice = self.tool_choice
        return choice.function.name if isinstance(choice, NamedToolChoice) else None

    @property
    def must_call(self) -> bool:
        """Whether the answer consists of calls."""
        return self.tool_choice == "required" or self.named_tool is not None


def _object(parameters: dict[str, Any]) -> dict[str, Any]:
    return {**parameters, "type": "object"}


class FunctionCall(msgspec.Struct, frozen=True, omit_defaults=True):
    """A function and its arguments, as JSON text; a chunk has what comes of either."""

    name: str | None = None
    arguments: str | None = None


class ToolCall(msgspec.Struct, frozen=True):
    """A call in an answer."""

    id: str
    function: FunctionCall
    type: str = "function"


class ToolCallDelta(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a chunk adds to a call: the first one of a call has its id and name."""

    index: int
    function: FunctionCall
    id: str | None = None
    type: str | None = None
