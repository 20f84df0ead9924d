"""Request fields that say what form an answer has."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, JsonValue

from max.serve.schemas.validation import RequestModel

MOST_CHOICES = 1000
MOST_STRUCTURES = 100
Schema = dict[str, JsonValue]


class TextFormat(RequestModel):
    """Any text."""

    type: Literal["text"]


class JsonObjectFormat(RequestModel):
    """Any JSON object."""

    type: Literal["json_object"]


class JsonSchema(RequestModel):
    """A JSON schema and what it is called."""

    # pydantic's own `schema` is an old name for another thing.
    model_config = ConfigDict(serialize_by_alias=True)

    name: str | None = None
    description: str | None = None
    schema_: Schema = Field(
        alias="schema", description="Its root is an object; unsupported keywords are refused."
    )
    strict: bool | None = Field(
        default=None, description="Accepted without effect: the schema always holds."
    )


class JsonSchemaFormat(RequestModel):
    """JSON that fits a schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchema


class TaggedStructure(RequestModel):
    """What follows a `begin`, which starts with one of the triggers, until its `end`."""

    model_config = ConfigDict(serialize_by_alias=True)

    begin: str = Field(min_length=1)
    schema_: Schema = Field(alias="schema")
    end: str


class StructuralTags(RequestModel):
    """Text in which parts that begin with a trigger fit a schema."""

    structures: list[TaggedStructure] = Field(min_length=1, max_length=MOST_STRUCTURES)
    triggers: list[Annotated[str, Field(min_length=1)]] = Field(
        min_length=1, max_length=MOST_STRUCTURES
    )


class StructuralTagFormat(StructuralTags):
    """Text in which parts that begin with a trigger fit a schema."""

    type: Literal["structural_tag"]


ResponseFormat = Annotated[
    TextFormat | JsonObjectFormat | JsonSchemaFormat | StructuralTagFormat,
    Field(discriminator="type"),
]
_Choices = Annotated[list[str], Field(min_length=1, max_length=MOST_CHOICES)]
_AnySchema = str | Schema


class StructuredOutputs(RequestModel):
    """One of several forms that an answer may have, as vLLM calls them."""

    json_: _AnySchema | None = Field(default=None, alias="json", description="A JSON schema.")
    regex: str | None = None
    choice: _Choices | None = None
    grammar: str | None = Field(default=None, description="In the form of Lark or GBNF.")
    json_object: bool | None = None
    structural_tag: StructuralTags | None = None
    disable_any_whitespace: bool | None = Field(
        default=None, description="No whitespace between the tokens of JSON."
    )
    whitespace_pattern: str | None = Field(
        default=None, description="A regular expression of the whitespace between tokens of JSON."
    )


class StructuredFields(RequestModel):
    """What form the answer has; at most one of these asks for one."""

    response_format: ResponseFormat | None = Field(
        default=None, description="For servers started with --enable-structured-output."
    )
    structured_outputs: StructuredOutputs | None = None
    guided_json: _AnySchema | None = None
    guided_regex: str | None = None
    guided_choice: _Choices | None = None
    guided_grammar: str | None = None

    def form_fields(self) -> dict[str, Any]:
        """The fields above that ask for something, and their values."""
        given = {name: getattr(self, name) for name in StructuredFields.model_fields}
        return {
            name: value
            for name, value in given.items()
            if value is not None and not isinstance(value, TextFormat)
        }
