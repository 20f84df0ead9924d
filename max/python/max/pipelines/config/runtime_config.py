"""Options of the pipeline's run: batching, limits, custom architectures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from max.pipelines.config.base import ConfigModel

DeviceType = Literal["cpu", "gpu"]

# `max_batch_input_tokens` where it is not given. With fewer on a CPU, prompts are computed slower
# and begin to answer later; with more, streams wait longer: docs/design/kv-cache-and-scheduler.md.
STEP_TOKENS: Mapping[DeviceType, int] = {"gpu": 8192, "cpu": 256}

# `target_step_ms` likewise. A GPU computes all of its tokens in such a time.
TARGET_STEP_MS: Mapping[DeviceType, int] = {"gpu": 0, "cpu": 250}


class PipelineRuntimeConfig(ConfigModel):
    """How requests are batched and what the server accepts."""

    max_batch_size: int | None = Field(
        default=None,
        ge=1,
        description="Most requests that run at once; 64 when not given.",
    )
    max_batch_input_tokens: int | None = Field(
        default=None,
        ge=1,
        description="Token budget of one step, prompts and decoding together; "
        + " and ".join(f"{tokens} on a {device.upper()}" for device, tokens in STEP_TOKENS.items())
        + " when not given.",
    )
    max_batch_total_tokens: int | None = Field(
        default=None,
        ge=1,
        description="Most tokens of all requests in one step together, those in the cache too, "
        "each request's in whole pages; no limit when not given.",
    )
    enable_chunked_prefill: bool = Field(
        default=True, description="Split prompts that exceed the token budget over several steps."
    )
    target_step_ms: float | None = Field(
        default=None,
        ge=0,
        description="Milliseconds within which nearly all steps should end while answers run: "
        "prompts get fewer tokens in them then; 0 for as many as there are; "
        + " and ".join(f"{ms} on a {device.upper()}" for device, ms in TARGET_STEP_MS.items())
        + " when not given.",
    )
    kvcache_ce_watermark: float = Field(
        default=0.95,
        gt=0,
        le=1,
        description="Share of the KV pages that may be in use for a further prompt to be admitted.",
    )
    num_threads: int | None = Field(
        default=None,
        ge=1,
        description="Threads of the CPU kernels; one per physical core that the process may use "
        "when not given.",
    )
    keep_packed_weights: bool = Field(
        default=False,
        description="Keep the weights on disk as the kernels read them when they are first loaded, "
        "as `max warm-cache` does: later starts map them.",
    )
    custom_architectures: list[str] = Field(
        default_factory=list,
        description="Package with your own architectures, as PACKAGE or DIR:PACKAGE; repeatable.",
    )
    allow_extra_request_fields: bool = Field(
        default=False, description="Ignore unknown fields of a request instead of answering 400."
    )
    parse_control_tokens: bool = Field(
        default=False,
        description="Texts of control tokens, such as <|eot_id|>, that clients write in messages"
        " are these tokens. By default they are text: only the chat template ends a turn.",
    )
    device_graph_capture: bool | None = Field(
        default=None,
        description="Capture decoding steps as device graphs at the start, one for each of some "
        "numbers of requests: on a GPU, wherever the model allows it, when not given; --no-... "
        "starts sooner and decodes slower.",
    )
    enable_overlap_scheduler: bool = Field(
        default=False, description="Schedule the next step while the model computes this one."
    )

    tool_parser: str | None = Field(
        default=None,
        description="How the model writes tool calls: the name of a format, or 'none'; what its "
        "architecture says or its chat template shows when not given.",
    )
    reasoning_parser: str | None = Field(
        default=None,
        description="How the model writes what it thinks, likewise.",
    )

    @field_validator("custom_architectures", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _limits_agree(self) -> Self:
        requests, tokens = self.max_batch_size, self.max_batch_input_tokens
        if requests is not None and tokens is not None and requests > tokens:
            raise ValueError(
                f"max_batch_size={requests} (--max-batch-size) is more than "
                f"max_batch_input_tokens={tokens} (--max-batch-input-tokens), but each request "
                "that runs gets a token in every step: lower the one or raise the other"
            )
        if self.target_step_ms and not self.enable_chunked_prefill:
            raise ValueError(
                f"target_step_ms={self.target_step_ms:g} (--target-step-ms) has steps compute "
                "parts of prompts, which --no-enable-chunked-prefill forbids: leave one of them out"
            )
        return self

    @property
    def step_tokens(self) -> int:
        """`max_batch_input_tokens` as `resolve` settled it.

        Raises:
            ValueError: if nobody has given or settled it.
        """
        if self.max_batch_input_tokens is None:
            raise ValueError("max_batch_input_tokens is not settled: call PipelineConfig.resolve")
        return self.max_batch_input_tokens

    @property
    def longest_step(self) -> int | None:
        """Most tokens of a step; None where prompts are computed whole, however long."""
        return self.step_tokens if self.enable_chunked_prefill else None

    @property
    def steps_in_flight(self) -> int:
        """Most steps that are launched and not collected yet."""
        return 2 if self.enable_overlap_scheduler else 1

    def resolve(self, device_type: DeviceType) -> None:
        """Settles what depends on the kind of device that the model runs on.

        That is `max_batch_input_tokens` and `target_step_ms`.
        """
        if self.max_batch_input_tokens is None:
            default = STEP_TOKENS[device_type]
            self.max_batch_input_tokens = max(default, self.max_batch_size or 1)
        if self.target_step_ms is None:
            self.target_step_ms = TARGET_STEP_MS[device_type] if self.enable_chunked_prefill else 0
