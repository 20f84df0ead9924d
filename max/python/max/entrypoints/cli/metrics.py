"""The times that `max generate` reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GenerationMetrics:
    """Times of one answer, in seconds, and its sizes in tokens.

    Attributes:
        prompt_size: tokens of the prompt.
        output_size: tokens of the answer.
        first_token: from the request to the first token.
        total: from the request to the last token.
        startup: loading the model.
    """

    prompt_size: int
    output_size: int
    first_token: float
    total: float
    startup: float

    def report(self) -> str:
        """One line per number."""
        latency = self.total or float("nan")
        lines = [
            f"Prompt size: {self.prompt_size}",
            f"Output size: {self.output_size}",
            f"Startup time: {_milliseconds(self.startup)}",
            f"Time to first token: {_milliseconds(self.first_token)}",
            "Prompt eval throughput (context-encoding): "
            f"{_per_second(self.prompt_size, self.first_token)} tokens per second",
        ]
        if self.output_size > 1:
            decoding = self.total - self.first_token
            steps = self.output_size - 1
            lines += [
                f"Time per Output Token: {_milliseconds(decoding / steps)}",
                "Eval throughput (token-generation): "
                f"{_per_second(steps, decoding)} tokens per second",
            ]
        lines += [
            f"Total Latency: {_milliseconds(self.total)}",
            f"Total Throughput: {1 / latency:.2f} req/s",
        ]
        return "\n".join(lines)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


def _per_second(count: int, seconds: float) -> str:
    return f"{count / seconds:.2f}" if seconds > 0 else "inf"
