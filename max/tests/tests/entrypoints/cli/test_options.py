"""Flags made from configuration fields."""

from __future__ import annotations

from collections import Counter
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import click
import pytest
from click.testing import CliRunner
from pydantic import Field

from max.entrypoints.cli.options import (
    SectionedCommand,
    add_options,
    given,
    make_option,
    pipeline_options,
    settings_options,
    unavailable_options,
)
from max.pipelines.config.base import ConfigModel


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Settings(ConfigModel):
    count: int | None = Field(default=None, description="How many.")
    share: float = Field(default=0.5, description="Which part.")
    name: str = Field(default="", description="Of what.")
    fast: bool = Field(default=True, description="Be quick.")
    colour: Colour = Field(default=Colour.RED, description="Of which colour.")
    mode: Literal["a", "b"] | None = Field(default=None, description="Which way.")
    paths: list[Path] = Field(default_factory=list, description="Where.")
    extra: dict[str, Any] | None = Field(default=None, description="What else.")


def make_command(values: dict[str, Any]) -> click.Command:
    @click.command(cls=SectionedCommand)
    @add_options(unavailable_options("max serve"), settings_options(Settings, "Things"))
    def command(**options: Any) -> None:
        values.update(given(options))

    return command


def parse(*arguments: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    result = CliRunner().invoke(make_command(values), arguments)
    assert result.exit_code == 0, result.output
    return values


def parse_error(*arguments: str) -> str:
    result = CliRunner().invoke(make_command({}), arguments)
    assert result.exit_code == 2
    return result.output


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        ([], {}),
        (["--count", "3"], {"count": 3}),
        (["--share", "0.25"], {"share": 0.25}),
        (["--name", "x"], {"name": "x"}),
        (["--fast"], {"fast": True}),
        (["--no-fast"], {"fast": False}),
        (["--fast", "true"], {"fast": True}),
        (["--fast=False", "--count", "3"], {"fast": False, "count": 3}),
        (["--fast", "--count", "3"], {"fast": True, "count": 3}),
        (["--colour", "blue"], {"colour": "blue"}),
        (["--mode", "b"], {"mode": "b"}),
        (["--paths", "a", "--paths", "b"], {"paths": ["a", "b"]}),
        (["--extra", '{"a": [1]}'], {"extra": {"a": [1]}}),
    ],
)
def test_values(arguments: list[str], values: dict[str, Any]) -> None:
    assert parse(*arguments) == values
    assert Settings.model_validate(values)


def test_json_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "extra.json"
    file.write_text('{"a": 1}')
    assert parse("--extra", str(file)) == {"extra": {"a": 1}}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--count", "many"], "'many' is not a valid integer"),
        (["--colour", "green"], "'green' is not one of 'red', 'blue'"),
        (["--extra", "{"], "is neither a JSON object nor a file of one"),
        (["--extra", "nowhere.json"], "is neither a JSON object nor a file of one"),
        (["--headless"], "--headless is not supported in this release"),
        (["--task-arg", "x"], "--task-arg is not supported in this release"),
        (["--draft-model-path", "x"], "--draft-model-path is not supported in this release"),
        (["--draft-devices", "gpu"], "--draft-devices is not supported in this release"),
        (["--fast", "maybe"], "unexpected extra argument (maybe)"),
    ],
)
def test_errors(arguments: list[str], message: str) -> None:
    assert message in parse_error(*arguments)


def test_json_that_is_no_object(tmp_path: Path) -> None:
    file = tmp_path / "extra.json"
    file.write_text("[1]")
    assert "is not a JSON object" in parse_error("--extra", str(file))


def test_help_has_sections_and_defaults() -> None:
    output = CliRunner().invoke(make_command({}), ["--help"]).output
    assert "Things:" in output
    assert "General:" in output
    assert "Which part.  [default: 0.5]" in output
    assert "Be quick.  [default: on]" in output
    assert "Of which colour.  [default: red]" in output
    assert "--later" not in output


def test_first_of_two_options_with_a_name_wins() -> None:
    info = Settings.model_fields["name"]
    options = [make_option("name", info, "A", help="first"), make_option("name", info, "B")]

    @click.command()
    @add_options(options)
    def command(name: str | None) -> None:
        """Does nothing."""

    assert [
        parameter.help for parameter in command.params if isinstance(parameter, click.Option)
    ] == ["first"]


def test_pipeline_options_have_one_flag_each() -> None:
    flags = Counter(
        flag for option in pipeline_options() for flag in [*option.opts, *option.secondary_opts]
    )
    assert [flag for flag, count in flags.items() if count > 1] == []
    for flag in ("--model", "--model-path", "--devices", "--max-batch-size", "--no-use-subgraphs"):
        assert flag in flags


def test_unavailable_options_are_hidden() -> None:
    hidden = {option.name for option in pipeline_options() if option.hidden}
    assert {"kv_connector", "draft_model", "device_specs"} <= hidden
    assert hidden.isdisjoint({"model", "model_path", "devices", "max_length"})


def test_a_repeatable_option_takes_several_values_at_once() -> None:
    @click.command(cls=SectionedCommand)
    @add_options(pipeline_options())
    def command(**options: object) -> None:
        click.echo(options["lora_paths"])

    arguments = ["--lora-paths", "a=b", "c=d", "--enable-lora", "--lora-paths", "e"]
    result = CliRunner().invoke(command, arguments)
    assert result.output.strip() == "('a=b', 'c=d', 'e')"
