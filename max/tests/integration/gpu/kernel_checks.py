"""Every kernel of a device against its op's reference, in the type that models compute with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch.utils._pytree import tree_map

from integration.gpu.kernel_case import KernelCase
from integration.gpu.model_part_cases import cases_of_model_parts
from max import kernels
from max.kernels.add_layer_norm.reference import add_layer_norm_reference
from max.kernels.add_rms_norm.reference import add_rms_norm_reference
from max.kernels.choose_tokens.reference import choose_tokens_reference
from max.kernels.elementwise.reference import elementwise_reference
from max.kernels.flash_attention_ragged.reference import flash_attention_ragged_reference
from max.kernels.gated.reference import gated_reference
from max.kernels.gather_rows.reference import gather_rows_reference
from max.kernels.last_rows.reference import last_rows_reference
from max.kernels.layer_norm.reference import layer_norm_reference
from max.kernels.layouts.planes import PARTS, Planes
from max.kernels.mask_logits.reference import mask_logits_reference
from max.kernels.norm_rope_store_ragged.reference import norm_rope_store_ragged_reference
from max.kernels.penalize_logits.reference import IN_PROMPT, penalize_logits_reference
from max.kernels.planes_linear.reference import planes_linear_reference
from max.kernels.registry import tensors_in
from max.kernels.rms_norm.reference import rms_norm_reference
from max.kernels.rope_store_ragged.reference import rope_store_ragged_reference
from tests.kernels.quantized_weights import make_quantized_weight


class Checked(NamedTuple):
    """What a case gave: the largest error, relative to the largest element, and time of a call."""

    name: str
    error: float
    microseconds: float


def check_kernels(device: torch.device, dtype: torch.dtype, heads: int = 32) -> Iterator[Checked]:
    """Runs all cases on a device; the references compute in float32 on the host.

    Args:
        device: whose kernels are checked.
        dtype: of the operands.
        heads: query heads of 128; 32 are a model of 8B.
    """
    torch.manual_seed(0)
    for case in _cases(dtype, heads):
        wide, given = _wide(case.args), _moved(case.args, device)
        # What an op writes to is among its arguments.
        wanted = [*tensors_in(case.reference(*wide)), *_written(wide)]
        got = [*tensors_in(case.op(*given)), *_written(given)]
        error = max(map(_error, got, wanted))
        yield Checked(case.name, error, 1e6 * _seconds(lambda: case.op(*given), device))  # noqa: B023


def _cases(dtype: torch.dtype, heads: int) -> Iterator[KernelCase]:
    kv_heads, head_dim = max(heads // 4, 1), 128
    dim = heads * head_dim
    x, weight = torch.randn(70, dim).to(dtype), torch.randn(dim).to(dtype)
    yield KernelCase("rms_norm", kernels.rms_norm, rms_norm_reference, (x, weight, 1e-5, 0.0, True))
    args: tuple[Any, ...] = (x, weight, weight, 1e-5)
    yield KernelCase("layer_norm", kernels.layer_norm, layer_norm_reference, args)
    args = (x, x.flip(0), weight, 1e-5, 0.0, True)
    yield KernelCase("add_rms_norm", kernels.add_rms_norm, add_rms_norm_reference, args)
    args = (x, x.flip(0), weight, weight, 1e-5)
    yield KernelCase("add_layer_norm", kernels.add_layer_norm, add_layer_norm_reference, args)
    yield KernelCase("gated", kernels.gated, gated_reference, (*x.chunk(2, 1), "silu"))
    args = (x, x, "add")
    yield KernelCase("elementwise", kernels.elementwise, elementwise_reference, args)
    indices = torch.randint(0, 70, (40,))
    yield KernelCase("gather_rows", kernels.gather_rows, gather_rows_reference, (x, indices))
    offsets = torch.tensor([0, 30, 31, 70], dtype=torch.uint32)
    yield KernelCase("last_rows", kernels.last_rows, last_rows_reference, (x, offsets))
    for name, past, new in (
        ("prefill", [0, 0], [300, 129]),
        ("decoding", [1500, 37, 128], [1, 1, 1]),
        ("mixed", [1500, 0, 130], [1, 200, 7]),
    ):
        yield from _cache_cases(name, past, new, dtype, kv_heads)
    for encoding in PARTS:
        layout = Planes(dim, dim, encoding)
        planes = torch.zeros(layout.nbytes, dtype=torch.uint8)
        layout.place(make_quantized_weight(dim, dim, encoding), planes)
        for rows in (1, 40, 200):
            yield KernelCase(
                f"planes_linear, {encoding}, {rows} rows",
                kernels.planes_linear,
                planes_linear_reference,
                (torch.randn(rows, dim).to(dtype), planes, dim, dim, encoding),
            )
    logits = 3 * torch.randn(5, 32000)
    limits = (
        torch.tensor([32000, 50, 32000, 40, 1]),
        torch.tensor([1.0, 1.0, 0.9, 0.95, 1.0], dtype=torch.float64),
        torch.tensor([0.0, 0.0, 0.0, 0.01, 0.0], dtype=torch.float64),
        torch.rand(5, dtype=torch.float64),
    )
    args = (logits - logits.amax(1, keepdim=True), *limits)
    yield KernelCase("choose_tokens", kernels.choose_tokens, choose_tokens_reference, args)
    yield _penalties_case(logits)
    yield from cases_of_model_parts(dtype, heads)
    bits = torch.randint(-(2**31), 2**31, (2, 1000), dtype=torch.int32)
    bits[0, 1:] = 0
    args = (logits.to(dtype), torch.tensor([1, 4]), bits)
    # -inf has no error that is relative to anything.
    op, reference = (
        lambda *given, mask=mask: mask(*given).clamp(min=-100.0)
        for mask in (kernels.mask_logits, mask_logits_reference)
    )
    yield KernelCase("mask_logits", op, reference, args)


def _penalties_case(logits: torch.Tensor) -> KernelCase:
    """Two of the rows, whose tokens all occurred, in the prompt or up to twice."""
    counts = torch.randint(-1, 3, (4, logits.shape[1]), dtype=torch.int32)
    counts = torch.where(counts < 0, IN_PROMPT + 1, counts)
    repetition, frequency, presence = torch.tensor([[1.3, 0.8], [0.2, 0.0], [0.5, -0.1]]).double()
    places = (torch.tensor([1, 4]), counts, torch.tensor([3, 0]))
    return KernelCase(
        "penalize_logits",
        kernels.penalize_logits,
        penalize_logits_reference,
        (logits, *places, repetition.float(), frequency, presence),
    )


def _cache_cases(
    name: str, past: list[int], new: list[int], dtype: torch.dtype, kv_heads: int
) -> Iterator[KernelCase]:
    """Rotation and attention of requests with so many tokens in the cache, and so many new ones."""
    page_size, head_dim = 128, 128
    pages = [-(-(p + n) // page_size) for p, n in zip(past, new, strict=True)]
    table = torch.zeros(len(past), 16, dtype=torch.int64)
    for request, count in enumerate(pages):
        first = 1 + sum(pages[:request])
        table[request, :count] = torch.arange(first, first + count)
    blocks = torch.randn(sum(pages) + 1, 2, 1, page_size, kv_heads, head_dim).to(dtype)
    offsets = torch.tensor([0, *new]).cumsum(0).to(torch.uint32)
    lengths, lookup = torch.tensor(past).to(torch.uint32), table.to(torch.uint32)
    q = torch.randn(sum(new), 4 * kv_heads * head_dim).to(dtype)
    k, v = torch.randn(2, sum(new), kv_heads * head_dim).to(dtype)
    freqs = torch.randn(2048, head_dim // 2, 2)
    args: tuple[Any, ...] = (q, k, v, offsets, freqs, blocks, lengths, lookup, 0, False)
    yield KernelCase(
        f"rope_store_ragged, {name}",
        kernels.rope_store_ragged,
        rope_store_ragged_reference,
        args,
    )
    norms = (*torch.randn(2, head_dim).to(dtype), 1e-6, 1.0, True)
    yield KernelCase(
        f"norm_rope_store_ragged, {name}",
        kernels.norm_rope_store_ragged,
        norm_rope_store_ragged_reference,
        (q, k, v, *norms, *args[3:]),
    )
    sinks = torch.randn(4 * kv_heads).to(dtype)
    for options, rest in (
        ("", (True, 0, 0, 0.0, None, None)),
        (" with a window, a cap and sinks", (True, 100, 0, 30.0, sinks, None)),
        (" in chunks", (True, 0, 64, 0.0, None, None)),
        (" with biases of distances", (False, 0, 0, 0.0, None, torch.randn(4 * kv_heads, 257))),
    ):
        yield KernelCase(
            f"flash_attention_ragged, {name}{options}",
            kernels.flash_attention_ragged,
            flash_attention_ragged_reference,
            (q, offsets, blocks, lengths, lookup, 0, head_dim**-0.5, *rest),
        )


def _written(args: tuple[Any, ...]) -> list[torch.Tensor]:
    """Tensors that may be written to; what is in 8 bits is read by the case itself."""
    return [x for x in tensors_in(args) if x.itemsize > 1]


def _error(got: torch.Tensor, want: torch.Tensor) -> float:
    most = want.double().abs().max().clamp(min=1e-30)
    return float((got.cpu().double() - want.double()).abs().max() / most)


def _wide(args: tuple[Any, ...]) -> tuple[Any, ...]:
    def wide(x: Any) -> Any:
        is_short = isinstance(x, torch.Tensor) and x.is_floating_point() and x.itemsize == 2
        return x.float() if is_short else x.clone() if isinstance(x, torch.Tensor) else x

    return tuple(tree_map(wide, args))


def _moved(args: tuple[Any, ...], device: torch.device) -> tuple[Any, ...]:
    return tuple(
        tree_map(lambda x: x.clone().to(device) if isinstance(x, torch.Tensor) else x, args)
    )


def _seconds(call: Callable[[], Any], device: torch.device, times: int = 5) -> float:
    _wait_for(device)
    started = time.perf_counter()
    for _ in range(times):
        call()
    _wait_for(device)
    return (time.perf_counter() - started) / times


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
