"""The sampling flags of `max generate`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from max.entrypoints.cli.options import SectionOption, given
from max.pipelines.config import ConfigurationError

if TYPE_CHECKING:
    from max.pipelines.context import SamplingParams

_SECTION = "Sampling"
_DEFAULT_MAX_NEW_TOKENS = 100
_HELP: dict[str, tuple[click.ParamType[Any], str]] = {
    "top_k": (click.INT, "Choose among this many most likely tokens; 1 is greedy, -1 is all."),
    "top_p": (click.FLOAT, "Choose among the most likely tokens with this probability in total."),
    "min_p": (click.FLOAT, "Leave out tokens less likely than this share of the likeliest."),
    "temperature": (click.FLOAT, "Divides the logits; 0 is greedy."),
    "frequency_penalty": (click.FLOAT, "Taken off a token's logit for each time it came."),
    "presence_penalty": (click.FLOAT, "Taken off a token's logit if it came at all."),
    "repetition_penalty": (click.FLOAT, "Divides the logits of tokens seen before; 1 is none."),
    "max_new_tokens": (
        click.INT,
        f"Longest answer in tokens.  [default: {_DEFAULT_MAX_NEW_TOKENS}]",
    ),
    "min_new_tokens": (click.INT, "No end before this many tokens."),
    "seed": (click.INT, "Makes the answer repeatable; a fresh one when not given."),
}


def sampling_options() -> list[SectionOption]:
    """The options; what is not given is left to the model's generation_config.json."""
    options = [
        SectionOption(["--" + name.replace("_", "-"), name], _SECTION, type=type_, help=text)
        for name, (type_, text) in _HELP.items()
    ]
    return [
        *options,
        SectionOption(
            ["--ignore-eos/--no-ignore-eos"],
            _SECTION,
            default=None,
            help="Go on after the model's end token.",
        ),
        SectionOption(
            ["--stop"], _SECTION, multiple=True, help="A text that ends the answer; repeatable."
        ),
        SectionOption(
            ["--stop-token-ids"],
            _SECTION,
            type=click.INT,
            multiple=True,
            help="A token that ends the answer; repeatable.",
        ),
        SectionOption(
            ["--detokenize/--no-detokenize"],
            _SECTION,
            default=None,
            help="Print text, or the tokens' ids.",
        ),
    ]


def make_sampling_params(
    options: Mapping[str, Any], model_defaults: Mapping[str, Any]
) -> SamplingParams:
    """The parameters: flags win over the model's recommendation, that over the defaults.

    Raises:
        ConfigurationError: if a value is out of range; the message names its flag.
    """
    from max.pipelines.context import InputError, SamplingParams

    values = {"max_new_tokens": _DEFAULT_MAX_NEW_TOKENS, **model_defaults, **given(options)}
    try:
        return SamplingParams(**values)
    except InputError as error:
        flag = f" (--{error.param.replace('_', '-')})" if error.param else ""
        raise ConfigurationError(f"{error}{flag}") from error
