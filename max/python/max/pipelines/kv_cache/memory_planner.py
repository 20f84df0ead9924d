"""Decides how many KV pages fit beside the weights and the activations."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from max.driver import Device
from max.pipelines.kv_cache.errors import InsufficientMemoryError
from max.pipelines.kv_cache.memory_limits import available_memory
from max.pipelines.kv_cache.rules import most_pages, page_groups

if TYPE_CHECKING:
    from max.nn.kv_cache import KVCacheParamInterface

DEFAULT_MAX_BATCH_SIZE = 64
"""Requests that run at once when --max-batch-size is not given."""


@dataclass(frozen=True)
class MemoryPlan:
    """What the memory of one device is used for, in bytes. `str(plan)` is a table for people.

    Attributes:
        device: the device's name.
        available_bytes: memory free before anything is loaded.
        device_memory_utilization: the share of it that may be used.
        weights_bytes: weights, yet to be loaded.
        activation_bytes: peak of what a step allocates beside weights and pages.
        bytes_per_page: of one page, with all layers unless they differ in what they keep.
        page_size: tokens of a page.
        pages_of_request: most pages that a request of `max_length` tokens holds at a time.
        total_num_pages: pages that requests can hold, without the null page.
        max_length: most tokens of a request.
        max_batch_size: most requests that run at once.
        max_batch_input_tokens: most tokens that a step computes, where that is known.
    """

    device: str
    available_bytes: int
    device_memory_utilization: float
    weights_bytes: int
    activation_bytes: int
    bytes_per_page: int
    page_size: int
    pages_of_request: int
    total_num_pages: int
    max_length: int
    max_batch_size: int
    max_batch_input_tokens: int | None = None

    @property
    def usable_bytes(self) -> int:
        """The part of the available memory that may be used."""
        return int(self.available_bytes * self.device_memory_utilization)

    @property
    def kv_bytes(self) -> int:
        """Bytes of all pages, the null page included."""
        return (self.total_num_pages + 1) * self.bytes_per_page

    @property
    def holds_all(self) -> bool:
        """Whether `max_batch_size` requests of `max_length` tokens fit at once."""
        return self.total_num_pages >= self.max_batch_size * self.pages_of_request

    @property
    def max_cached_tokens(self) -> int:
        """Tokens that the cache holds of requests of `max_length` tokens."""
        return self.total_num_pages * self.max_length // self.pages_of_request

    def __str__(self) -> str:
        rows = [
            ("available", self.available_bytes, f"on {self.device}"),
            ("usable", self.usable_bytes, f"x {self.device_memory_utilization:g}"),
            ("weights", self.weights_bytes, ""),
            ("activations", self.activation_bytes, self._step),
            (
                "KV cache",
                self.kv_bytes,
                f"{self.total_num_pages} pages of {self.page_size} tokens, "
                f"{self.max_cached_tokens} tokens in all",
            ),
        ]
        table = [
            f"  {name:<12} {format_bytes(size):>10}  {note}".rstrip() for name, size, note in rows
        ]
        full = self.total_num_pages // self.pages_of_request
        requests = (
            f"up to {self.max_batch_size} requests at once of at most {self.max_length} tokens"
        )
        return "\n".join(["memory plan", *table, f"  {requests} ({full} of them that long)"])

    @property
    def _step(self) -> str:
        tokens = self.max_batch_input_tokens
        return "peak of a step" + ("" if tokens is None else f" of at most {tokens} tokens")


class PagedMemoryPlanner:
    """Plans a `PagedKVCacheManager`'s pages.

    Args:
        device_memory_utilization: share of the available memory that may be used, above 0, up to 1.
    """

    def __init__(self, device_memory_utilization: float = 0.9) -> None:
        if not 0 < device_memory_utilization <= 1:
            raise ValueError(
                "--device-memory-utilization must be above 0 and at most 1, "
                f"got {device_memory_utilization}"
            )
        self.device_memory_utilization = device_memory_utilization

    def plan(
        self,
        params: KVCacheParamInterface,
        device: Device,
        *,
        max_length: int,
        max_batch_size: int | None = None,
        max_batch_input_tokens: int | None = None,
        step_tokens: int | None = None,
        weights_bytes: int = 0,
        activation_bytes: int = 0,
        available_bytes: int | None = None,
    ) -> MemoryPlan:
        """Divides the device's memory; the pages get what weights and activations leave.

        There are never more pages than `max_batch_size` requests of `max_length` tokens fill.

        Args:
            params: shape and dtype of the cache.
            device: where weights and pages will live.
            max_length: most tokens of a request.
            max_batch_size: most requests at once; None means `DEFAULT_MAX_BATCH_SIZE`, or
                `max_batch_input_tokens` if that is less.
            max_batch_input_tokens: most tokens of a step, for the printed plan.
            step_tokens: most tokens of a step; None if a step may have a whole prompt.
            weights_bytes: weights that are not loaded yet.
            activation_bytes: predicted peak of a step.
            available_bytes: memory to divide; None asks the device and the control groups.

        Raises:
            InsufficientMemoryError: if the weights, or one request of `max_length`, do not fit.
            ValueError: if `max_length` or `max_batch_size` is below 1.
        """
        for flag, value in (("--max-length", max_length), ("--max-batch-size", max_batch_size)):
            if value is not None and value < 1:
                raise ValueError(f"{flag} must be at least 1, got {value}")
        if max_batch_size is None:
            max_batch_size = min(
                DEFAULT_MAX_BATCH_SIZE, max_batch_input_tokens or DEFAULT_MAX_BATCH_SIZE
            )
        if available_bytes is None:
            available_bytes = available_memory(device)
        usable = int(available_bytes * self.device_memory_utilization)
        left = usable - weights_bytes - activation_bytes
        groups = page_groups(params.layout, params.page_size)
        pages_of_request = most_pages(groups, max_length, step_tokens)
        fitting_pages = max(left // params.bytes_per_block - 1, 0)
        plan = MemoryPlan(
            device=str(device),
            available_bytes=available_bytes,
            device_memory_utilization=self.device_memory_utilization,
            weights_bytes=weights_bytes,
            activation_bytes=activation_bytes,
            bytes_per_page=params.bytes_per_block,
            page_size=params.page_size,
            pages_of_request=pages_of_request,
            total_num_pages=min(fitting_pages, max_batch_size * pages_of_request),
            max_length=max_length,
            max_batch_size=max_batch_size,
            max_batch_input_tokens=max_batch_input_tokens,
        )
        if left < 0:
            raise InsufficientMemoryError(_weights_message(plan))
        if plan.total_num_pages < pages_of_request:
            lengths = range(0, max_length, params.page_size)
            fitting = bisect_right(
                lengths, fitting_pages, key=lambda n: most_pages(groups, n, step_tokens)
            )
            raise InsufficientMemoryError(_request_message(plan, lengths[fitting - 1], left))
        return plan


def _weights_message(plan: MemoryPlan) -> str:
    need = plan.weights_bytes + plan.activation_bytes
    return (
        f"the model does not fit: weights {format_bytes(plan.weights_bytes)} + activations "
        f"{format_bytes(plan.activation_bytes)} = {format_bytes(need)}, but only "
        f"{format_bytes(plan.usable_bytes)} may be used on {plan.device} "
        f"({format_bytes(plan.available_bytes)} available x --device-memory-utilization "
        f"{plan.device_memory_utilization:g}). Free memory, raise --device-memory-utilization, "
        f"lower --max-batch-size ({plan.max_batch_size}) or --max-batch-input-tokens "
        "(activations), or use a smaller model or encoding (--quantization-encoding)."
    )


def _request_message(plan: MemoryPlan, fitting: int, left: int) -> str:
    pages = plan.pages_of_request
    shorter = f"--max-length {fitting} would fit" if fitting else "not even one page fits"
    return (
        f"one request of --max-length {plan.max_length} tokens does not fit in the KV cache: it "
        f"needs {pages} pages of --kv-cache-page-size {plan.page_size} tokens and an empty one = "
        f"{format_bytes((pages + 1) * plan.bytes_per_page)}, but {format_bytes(left)} is left on "
        f"{plan.device} ({format_bytes(plan.available_bytes)} available x "
        f"--device-memory-utilization {plan.device_memory_utilization:g} - weights "
        f"{format_bytes(plan.weights_bytes)} - activations {format_bytes(plan.activation_bytes)}). "
        f"Lower --max-length ({shorter}), raise --device-memory-utilization, lower "
        f"--max-batch-size ({plan.max_batch_size}; activations), or lower --kv-cache-page-size "
        "(less is lost in a request's last page)."
    )


def format_bytes(size: int) -> str:
    """A size for people, in powers of 1024: 5.2 GiB."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"
