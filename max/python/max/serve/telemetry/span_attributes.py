"""What spans say about a request, in the words of OpenTelemetry's semantic conventions.

Sources: https://opentelemetry.io/docs/specs/semconv/http/http-spans/ and
https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/.
Neither prompts nor answers are in it.
"""

from __future__ import annotations

from max.serve.telemetry.request_record import RequestRecord

Value = str | int | float | list[str]


def http_attributes(record: RequestRecord) -> dict[str, Value]:
    """The attributes of the span of the HTTP request."""
    return _known(
        {
            "http.request.method": record.method,
            "http.route": record.route,
            "http.response.status_code": record.status,
            "http.response.header.x-request-id": [record.request_id],
            "error.type": record.error_code,
        }
    )


def generation_attributes(record: RequestRecord) -> dict[str, Value]:
    """The attributes of the span of the model's work."""
    sampling = record.sampling
    assert sampling is not None and record.usage is not None, "a request that was submitted has it"
    usage = record.usage()
    return _known(
        {
            "gen_ai.operation.name": record.operation,
            "gen_ai.provider.name": "max",
            "gen_ai.request.model": record.model,
            "gen_ai.response.model": record.model,
            "gen_ai.request.choice.count": len(record.choices),
            "gen_ai.request.max_tokens": sampling.max_new_tokens,
            "gen_ai.request.temperature": sampling.temperature,
            "gen_ai.request.top_p": sampling.top_p,
            "gen_ai.request.top_k": sampling.top_k,
            "gen_ai.request.frequency_penalty": sampling.frequency_penalty,
            "gen_ai.request.presence_penalty": sampling.presence_penalty,
            "gen_ai.request.seed": sampling.seed,
            "gen_ai.response.finish_reasons": record.finish_reasons,
            "gen_ai.usage.input_tokens": usage.prompt_tokens,
            "gen_ai.usage.cache_read.input_tokens": usage.prompt_tokens_details.cached_tokens,
            "gen_ai.usage.output_tokens": usage.completion_tokens,
        }
    )


def _known(attributes: dict[str, Value | None]) -> dict[str, Value]:
    return {name: value for name, value in attributes.items() if value is not None}
