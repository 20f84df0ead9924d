"""Values of options of `max benchmark`."""

from __future__ import annotations

import math

import click


class RequestRate(click.ParamType[float]):
    """Requests per second; inf sends all at once."""

    name = "float"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Reads the rate."""
        try:
            rate = float(str(value))
        except ValueError:
            rate = math.nan
        if not rate > 0:
            self.fail(f"{value!r} is no rate: give requests per second above 0, or inf", param, ctx)
        return rate


class Lengths(click.ParamType[str]):
    """A distribution of lengths."""

    name = "lengths"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Reads the distribution, and writes it as it is kept."""
        from max.benchmark.lengths import parse_lengths

        try:
            return str(parse_lengths(str(value)))
        except ValueError as error:
            self.fail(str(error), param, ctx)
