"""Options of the pipeline's run: batching, limits, custom architectures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from max.pipelines.config.base import ConfigModel, NotInThisRelease

DeviceType = Literal["cpu", "gpu"]

# `max_batch_input_tokens` where it is not given. With fewer on a CPU, prompts are computed slower
# and begin to answer later; with more, streams wait longer: docs/design/kv-cache-and-scheduler.md.
STEP_TOKENS: Mapping[DeviceType, int] = {"gpu": 8192, "cpu": 256}


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
    pipeline_role: Annotated[
        Literal["prefill_and_decode", "prefill_only", "decode_only"], NotInThisRelease()
    ] = Field(default="prefill_and_decode", description="Which phases this process runs.")
    max_queue_size_tg: Annotated[int | None, NotInThisRelease()] = Field(
        default=None, description="Most requests that decode at once."
    )
    min_batch_size_tg: Annotated[int | None, NotInThisRelease()] = Field(
        default=None, description="Fewest decoding requests before prefill is considered."
    )
    ep_size: Annotated[int, NotInThisRelease()] = Field(
        default=1, description="Devices that share the experts of a mixture."
    )
    ce_delay_ms: Annotated[float, NotInThisRelease()] = Field(
        default=0.0, description="Milliseconds to wait for more prompts before a prefill."
    )
    enable_prioritize_first_decode: Annotated[bool, NotInThisRelease()] = Field(
        default=False, description="Decode once right after a prefill."
    )
    enable_in_flight_batching: Annotated[bool, NotInThisRelease()] = Field(
        default=False, description="Deprecated: prefill and decoding always share a step."
    )
    max_num_steps: Annotated[int, NotInThisRelease()] = Field(
        default=1, description="Deprecated: tokens of a request in one step."
    )
    use_experimental_kernels: Annotated[bool, NotInThisRelease()] = Field(
        default=False, description="Use kernels that are still being tried."
    )
    use_vendor_blas: Annotated[bool, NotInThisRelease()] = Field(
        default=False, description="Use the vendor's matrix multiplication."
    )
    execute_empty_batches: Annotated[bool, NotInThisRelease()] = Field(
        default=False, description="Run the model for replicas without requests too."
    )
    device_graph_capture: Annotated[bool | None, NotInThisRelease()] = Field(
        default=None, description="Capture decoding steps as device graphs."
    )
    force: Annotated[bool, NotInThisRelease()] = Field(
        default=False, description="Continue where the configuration is known to be unsound."
    )
    decode_stall_timeout_s: Annotated[float | None, NotInThisRelease()] = Field(
        default=None, description="Seconds without a token after which a request is failed."
    )
    decode_request_ttl_s: Annotated[float | None, NotInThisRelease()] = Field(
        default=None, description="Longest life of a request in seconds."
    )
    enable_overlap_scheduler: bool = Field(
        default=False, description="Schedule the next step while the model computes this one."
    )
    allow_unsupported_logprobs: Annotated[bool, NotInThisRelease()] = Field(
        default=False, description="Ignore a request for log probabilities that cannot be met."
    )
    prefer_module_v3: Annotated[bool, NotInThisRelease()] = Field(
        default=False, description="Prefer an architecture's eager variant."
    )
    reasoning_parser: Annotated[str | None, NotInThisRelease()] = Field(
        default=None, description="Parser that separates reasoning from the answer."
    )
    tool_parser: Annotated[str | None, NotInThisRelease()] = Field(
        default=None, description="Parser of tool calls."
    )
    temperature: Annotated[float | None, NotInThisRelease()] = Field(
        default=None, description="Temperature of requests that name none."
    )
    thinking_temperature: Annotated[float | None, NotInThisRelease()] = Field(
        default=None, description="Temperature while the model reasons."
    )
    max_vision_cache_entries: Annotated[int, NotInThisRelease()] = Field(
        default=256, description="Encoded images that are kept."
    )
    denoising_cache: Annotated[dict[str, Any] | None, NotInThisRelease()] = Field(
        default=None, description="Reuse of steps in diffusion models."
    )

    @field_validator("custom_architectures", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _budget_for_each_request(self) -> Self:
        requests, tokens = self.max_batch_size, self.max_batch_input_tokens
        if requests is not None and tokens is not None and requests > tokens:
            raise ValueError(
                f"max_batch_size={requests} (--max-batch-size) is more than "
                f"max_batch_input_tokens={tokens} (--max-batch-input-tokens), but each request "
                "that runs gets a token in every step: lower the one or raise the other"
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
        """Settles `max_batch_input_tokens` for the kind of device that the model runs on."""
        if self.max_batch_input_tokens is None:
            default = STEP_TOKENS[device_type]
            self.max_batch_input_tokens = max(default, self.max_batch_size or 1)
