"""Metrics of HTTP requests, observed when they end; and of tokens, as they come."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from max.serve.schemas.usage import Usage
from max.serve.telemetry import buckets
from max.serve.telemetry.request_record import RequestRecord
from max.serve.telemetry.step_histogram import StepHistogram


class RequestMetrics:
    """What users of the server feel."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"maxserve_{name}", text, labels, registry=registry)

        def tokens(name: str, text: str) -> Histogram:
            return Histogram(
                f"maxserve_{name}", text, unit="tokens", buckets=buckets.TOKENS, registry=registry
            )

        def time(name: str, text: str, *labels: str) -> Histogram:
            return Histogram(
                f"maxserve_{name}",
                text,
                labels,
                unit="milliseconds",
                buckets=buckets.MILLISECONDS,
                registry=registry,
            )

        self.request_count = counter("request_count", "HTTP requests answered.", "code", "path")
        self.request_errors = counter(
            "request_errors", "Requests answered with an error, by the error's code.", "error"
        )
        self.request_time = time("request_time", "From arrival to the end of the answer.", "path")
        self.input_processing_time = time(
            "input_processing_time", "From arrival until the prompt is tokens."
        )
        self.queue_time = time("queue_time", "Waiting for the first step.")
        self.time_to_first_token = time("time_to_first_token", "From arrival to the first token.")
        self.itl = StepHistogram(
            "maxserve_itl",
            "Between two tokens of an answer.",
            buckets.MILLISECONDS,
            registry,
            "milliseconds",
        )
        self.time_per_output_token = time(
            "time_per_output_token", "Mean time between an answer's tokens, per request."
        )
        self.output_processing_time = time(
            "output_processing_time", "Turning a request's tokens into text."
        )
        self.num_input_tokens = counter("num_input_tokens", "Tokens of prompts.")
        self.key_requests = counter("key_requests", "Requests of each API key.", "key", "code")
        self.key_tokens = counter("key_tokens", "Tokens of each API key.", "key", "kind")
        self.input_tokens_per_request = tokens("input_tokens_per_request", "Tokens of the prompts.")
        self.output_tokens_per_request = tokens(
            "output_tokens_per_request", "Tokens of the answers."
        )

    def observe(self, record: RequestRecord) -> None:
        """Counts a request that has ended."""
        assert record.ended is not None, "the middleware sets it"
        self.request_count.labels(str(record.status), record.route).inc()
        self.request_time.labels(record.route).observe(_ms(record.arrived, record.ended))
        key = record.client.key
        if key is not None:
            self.key_requests.labels(key, str(record.status)).inc()
        if record.error_code is not None:
            self.request_errors.labels(record.error_code).inc()
        if record.submitted is not None:
            self.input_processing_time.observe(_ms(record.arrived, record.submitted))
            if record.begun is not None:
                self.queue_time.observe(_ms(record.submitted, record.begun))
        if record.usage is not None and record.begun is not None:
            self._observe_usage(record.usage(), key)
        if record.first_token is not None and record.last_token is not None:
            self._observe_answer(record, record.first_token, record.last_token)

    def _observe_usage(self, usage: Usage, key: str | None) -> None:
        if key is not None:
            self.key_tokens.labels(key, "prompt").inc(usage.prompt_tokens)
            self.key_tokens.labels(key, "completion").inc(usage.completion_tokens)
        self.num_input_tokens.inc(usage.prompt_tokens)
        self.input_tokens_per_request.observe(usage.prompt_tokens)
        self.output_tokens_per_request.observe(usage.completion_tokens)

    def _observe_answer(self, record: RequestRecord, first: float, last: float) -> None:
        self.time_to_first_token.observe(_ms(record.arrived, first))
        self.output_processing_time.observe(record.decoding_s * 1000)
        longest = max((choice.num_tokens for choice in record.choices), default=0)
        if longest > 1:
            self.time_per_output_token.observe(_ms(first, last) / (longest - 1))


def _ms(start: float, end: float) -> float:
    return (end - start) * 1000
