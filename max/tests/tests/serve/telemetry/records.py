"""Records of requests with times that are easy to reckon with."""

from __future__ import annotations

from dataclasses import dataclass

from max.pipelines.context import SamplingParams
from max.serve.schemas.usage import PromptTokensDetails, Usage
from max.serve.telemetry.request_record import RequestRecord


@dataclass(frozen=True)
class FixedChoice:
    """A choice that has ended."""

    num_tokens: int
    finish_reason: str | None = "stop"


def make_record(
    *choices: FixedChoice, prompt_tokens: int = 12, cached_tokens: int = 8
) -> RequestRecord:
    """A request of 2 seconds: tokens at 0.1 s, first step at 0.3 s, tokens from 0.5 to 1.5 s."""
    record = RequestRecord(
        request_id="abc", method="POST", route="/v1/completions", status=200, arrived=100.0
    )
    completion_tokens = sum(choice.num_tokens for choice in choices)
    usage = Usage(
        prompt_tokens,
        completion_tokens,
        prompt_tokens + completion_tokens,
        PromptTokensDetails(cached_tokens),
    )
    sampling = SamplingParams(temperature=0.5, max_new_tokens=30, seed=7, stop=["secret"])
    record.submit("text_completion", "m", sampling, choices, lambda: usage)
    record.submitted, record.begun = 100.1, 100.3
    record.first_token, record.last_token, record.ended = 100.5, 101.5, 102.0
    record.decoding_s = 0.004
    return record
