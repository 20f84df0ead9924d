"""`POST /v1/responses`: request body, response, events of a stream."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from pydantic import ConfigDict, Field

from max.serve.schemas.conversation import MAX_MESSAGES, MAX_PARTS
from max.serve.schemas.sampling_fields import INT32_MAX, MAX_LABELS, Label
from max.serve.schemas.structured import JsonObjectFormat, Schema, TextFormat
from max.serve.schemas.tools import FUNCTION_NAME, MOST_TOOLS
from max.serve.schemas.validation import ClientModel, Items, RequestModel


class InputText(RequestModel):
    """Text of a message; of an answer's, with what it says about itself (`annotations`)."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["input_text", "output_text"]
    text: str


class InputRefusal(RequestModel):
    """What an assistant said instead of an answer; the model sees it as text."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["refusal"]
    refusal: str

    @property
    def text(self) -> str:
        return self.refusal


class InputItem(RequestModel):
    """A message. What an answer's says about itself (`id`, `status`) is ignored."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: str | Annotated[list[InputText | InputRefusal], Items(MAX_PARTS)]


class FunctionCallItem(RequestModel):
    """A call that the model made."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str


class FunctionOutputItem(RequestModel):
    """What a call gave."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["function_call_output"]
    call_id: str
    output: str | Annotated[list[InputText], Items(MAX_PARTS)]


class ReasoningText(RequestModel):
    """Part of what the model thought."""

    model_config = ConfigDict(extra="ignore")

    text: str


class ReasoningItemInput(RequestModel):
    """What the model thought before."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["reasoning"]
    content: Annotated[list[ReasoningText], Items(MAX_PARTS)] | None = None


AnyItem = FunctionCallItem | FunctionOutputItem | ReasoningItemInput | InputItem


class ResponseTool(RequestModel):
    """A function that the model may call."""

    type: Literal["function"]
    name: str = Field(pattern=FUNCTION_NAME)
    description: str | None = None
    parameters: Schema | None = None
    strict: bool | None = Field(default=None, description="Accepted without effect.")


class ResponseToolChoice(RequestModel):
    """This function is called."""

    type: Literal["function"]
    name: str


class ResponseSchemaFormat(RequestModel):
    """JSON that fits a schema."""

    type: Literal["json_schema"]
    name: str | None = None
    description: str | None = None
    schema_: Schema = Field(alias="schema")
    strict: bool | None = Field(default=None, description="Accepted without effect.")


class TextSettings(ClientModel):
    """What form the text has."""

    format: (
        Annotated[TextFormat | JsonObjectFormat | ResponseSchemaFormat, Field(discriminator="type")]
        | None
    ) = None


class ResponsesRequest(ClientModel):
    """The request body."""

    model: str
    input: str | Annotated[list[AnyItem], Items(MAX_MESSAGES), Field(min_length=1)]
    instructions: str | None = None
    previous_response_id: str | None = Field(
        default=None, description="The conversation goes on from this response."
    )
    store: bool | None = Field(
        default=None, description="Whether another request may go on from it; by default true."
    )
    max_output_tokens: int | None = Field(default=None, ge=1, le=INT32_MAX)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    tools: Annotated[list[ResponseTool], Items(MOST_TOOLS)] | None = None
    tool_choice: Literal["none", "auto", "required"] | ResponseToolChoice | None = None
    parallel_tool_calls: bool | None = None
    text: TextSettings | None = None
    stream: bool | None = None

    # Accepted without effect: they label or route a request, and nothing here depends on them.
    metadata: Annotated[dict[str, Label], Items(MAX_LABELS)] | None = None
    user: Label | None = None
    safety_identifier: Label | None = None
    prompt_cache_key: Label | None = None
    service_tier: Label | None = None


class OutputText(msgspec.Struct, frozen=True, tag_field="type", tag="output_text"):
    """Text of a message."""

    text: str
    annotations: list[Any] = []


class ReasoningContent(msgspec.Struct, frozen=True, tag_field="type", tag="reasoning_text"):
    """What the model thought."""

    text: str


class OutputMessage(msgspec.Struct, frozen=True, tag_field="type", tag="message"):
    """What the model says."""

    id: str
    content: list[OutputText]
    status: str = "completed"
    role: str = "assistant"


class OutputReasoning(msgspec.Struct, frozen=True, tag_field="type", tag="reasoning"):
    """What the model thinks."""

    id: str
    content: list[ReasoningContent]
    summary: list[Any] = []
    status: str = "completed"


class OutputCall(msgspec.Struct, frozen=True, tag_field="type", tag="function_call"):
    """A function that the model calls."""

    id: str
    call_id: str
    name: str
    arguments: str
    status: str = "completed"


OutputItem = OutputMessage | OutputReasoning | OutputCall


class InputTokensDetails(msgspec.Struct, frozen=True):
    """Tokens of the prompt that were not computed again."""

    cached_tokens: int = 0


class OutputTokensDetails(msgspec.Struct, frozen=True):
    """Tokens of the answer that were thought."""

    reasoning_tokens: int = 0


class ResponseUsage(msgspec.Struct, frozen=True):
    """Token counts."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens_details: OutputTokensDetails


class IncompleteDetails(msgspec.Struct, frozen=True):
    """Why a response is not complete."""

    reason: str


class ResponseObject(msgspec.Struct, frozen=True, kw_only=True):
    """The response body."""

    id: str
    object: str = "response"
    created_at: int
    model: str
    status: str
    output: list[OutputItem]
    instructions: str | None
    previous_response_id: str | None
    tools: list[dict[str, Any]]
    tool_choice: Any
    parallel_tool_calls: bool
    temperature: float | None
    top_p: float | None
    max_output_tokens: int | None
    metadata: dict[str, str]
    store: bool
    incomplete_details: IncompleteDetails | None = None
    error: None = None
    usage: ResponseUsage | None = None


class ResponseEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event of a stream; which fields it has depends on its type, as OpenAI documents them."""

    type: str
    sequence_number: int
    response: ResponseObject | None = None
    output_index: int | None = None
    content_index: int | None = None
    item_id: str | None = None
    item: OutputItem | None = None
    part: OutputText | ReasoningContent | None = None
    delta: str | None = None
    text: str | None = None
    arguments: str | None = None
    name: str | None = None
    logprobs: list[Any] | None = None
