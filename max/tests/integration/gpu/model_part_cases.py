"""Calls of the ops of experts, latents, adapters and weights and caches of 8 bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from integration.gpu.kernel_case import KernelCase
from max import kernels
from max.kernels.eight_bit_entries import factor_bytes
from max.kernels.experts.reference import SWISH_PLUS_ONE, experts_reference
from max.kernels.flash_attention_ragged.reference import flash_attention_ragged_reference
from max.kernels.head_linear.reference import head_linear_reference
from max.kernels.latent_store_ragged.reference import latent_store_ragged_reference
from max.kernels.layouts.planes import Planes
from max.kernels.lora_embedding.reference import lora_embedding_reference
from max.kernels.lora_linear.reference import lora_linear_reference
from max.kernels.planes_experts.reference import planes_experts_reference
from max.kernels.rope_store_ragged.reference import rope_store_ragged_reference
from max.kernels.route_tokens.reference import route_tokens_reference
from max.kernels.saved_embedding.reference import saved_embedding_reference
from max.kernels.saved_linear.reference import saved_linear_reference
from max.kernels.scaled_matmul.reference import scaled_matmul_reference
from tests.kernels.quantized_weights import make_quantized_weight

# Experts of a layer, of a token, and the layer's sizes.
EXPERTS, TOP_K, HIDDEN, WIDTH = 16, 4, 512, 256
# Of DeepSeek-V2 and later: a latent, and the part of a key that is turned.
RANK, TURNED = 512, 64


def cases_of_model_parts(dtype: torch.dtype, heads: int) -> Iterator[KernelCase]:
    """Of operands of a type; `heads` query heads."""
    yield from _expert_cases(dtype)
    yield from _latent_cases(dtype, heads)
    yield from _adapter_cases(dtype)
    yield from _float8_cases(dtype, heads)


def _expert_cases(dtype: torch.dtype) -> Iterator[KernelCase]:
    logits = torch.rand(70, EXPERTS).argsort(-1).to(dtype) / 2
    for scores in ("softmax", "sigmoid", "softmax_of_chosen", "sparse_mixer"):
        grouped = (1, 1) if scores == "sparse_mixer" else (4, 2)
        # Sums of two logits may be alike.
        best = 1 if scores == "softmax_of_chosen" else 2
        args: tuple[Any, ...] = (logits, None, TOP_K, scores, *grouped, best, True, 2.5, 0.1)
        yield KernelCase(
            f"route_tokens, {scores}", kernels.route_tokens, route_tokens_reference, args
        )
    shapes = ((WIDTH, HIDDEN), (WIDTH, HIDDEN), (HIDDEN, WIDTH))
    stacks = [torch.randn(EXPERTS, *shape).to(dtype) / 16 for shape in shapes]
    biases = [torch.randn(EXPERTS, out).to(dtype) for out, _ in shapes]
    planes = []
    for (out, columns), encoding in zip(shapes, ("q4_k", "q4_k", "q6_k"), strict=True):
        layout = Planes(EXPERTS * out, columns, encoding)
        planes.append(torch.zeros(layout.nbytes, dtype=torch.uint8))
        layout.place(make_quantized_weight(layout.rows, columns, encoding), planes[-1])
    for rows in (1, 200):
        x = torch.randn(rows, HIDDEN).to(dtype)
        routes = torch.cat(
            (torch.rand(rows, EXPERTS).argsort(1)[:, :TOP_K], torch.rand(rows, TOP_K)), 1
        )
        for activation, limit in (("silu", 0.0), (SWISH_PLUS_ONE, 7.0)):
            own = biases if limit else [None] * 3
            rest = (EXPERTS, WIDTH, activation, limit, False)
            args = (x, routes, None, *stacks, own, [], ["unused"] * 3, [False] * 3, *rest)
            name = f"experts, {activation}, {rows} rows"
            yield KernelCase(name, kernels.experts, experts_reference, args)
        encodings, rest = ["q4_k", "q4_k", "q6_k"], (EXPERTS, WIDTH, "silu", 0.0, False)
        args = (x, routes, None, *planes, [None] * 3, [], encodings, [True] * 3, *rest)
        name = f"planes_experts, {rows} rows"
        yield KernelCase(name, kernels.planes_experts, planes_experts_reference, args)


def _cache_of(past: list[int], new: list[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Offsets, lengths and lookup table of requests in pages of 128 tokens, from page 1 on."""
    pages = [-(-(p + n) // 128) for p, n in zip(past, new, strict=True)]
    table = torch.zeros(len(past), 16, dtype=torch.int64)
    for request, count in enumerate(pages):
        first = 1 + sum(pages[:request])
        table[request, :count] = torch.arange(first, first + count)
    offsets = torch.tensor([0, *new]).cumsum(0).to(torch.uint32)
    return offsets, torch.tensor(past).to(torch.uint32), table.to(torch.uint32)


_BATCHES = (("decoding", [1500, 37, 128], [1, 1, 1]), ("mixed", [1500, 0, 130], [1, 60, 7]))


def _latent_cases(dtype: torch.dtype, heads: int) -> Iterator[KernelCase]:
    width = RANK + TURNED
    for name, past, new in _BATCHES:
        offsets, lengths, lookup = _cache_of(past, new)
        rows = sum(new)
        blocks = torch.randn(int(lookup.int().max()) + 1, 1, 1, 128, 1, width).to(dtype)
        q = torch.randn(rows, heads * 192).to(dtype)
        absorbed, kv = torch.randn(rows, heads * RANK), torch.randn(rows, width)
        weight, freqs = torch.randn(RANK).to(dtype), torch.randn(2048, TURNED // 2, 2)
        args: tuple[Any, ...] = (q, absorbed.to(dtype), kv.to(dtype), weight, 1e-6, heads, offsets)
        args += (freqs, blocks, lengths, lookup, 0, True)
        yield KernelCase(
            f"latent_store_ragged, {name}",
            kernels.latent_store_ragged,
            latent_store_ragged_reference,
            args,
        )
        query = torch.randn(rows, heads * width).to(dtype)
        yield KernelCase(
            f"flash_attention_ragged, latents, {name}",
            kernels.flash_attention_ragged,
            flash_attention_ragged_reference,
            (query, offsets, blocks, lengths, lookup, 0, 192**-0.5, True, 0, 0, 0.0, None, None),
        )
    x, matrices = torch.randn(5, heads * 192).to(dtype), torch.randn(heads, RANK, 128).to(dtype)
    args = (x, matrices / 11, heads, 128, RANK, "unused", False)
    yield KernelCase("head_linear", kernels.head_linear, head_linear_reference, args)


def _adapter_cases(dtype: torch.dtype) -> Iterator[KernelCase]:
    slots = torch.randint(0, 4, (70, 1), dtype=torch.int32)
    ranks = torch.tensor([16, 0, 48], dtype=torch.int32)
    a, b = torch.randn(3, HIDDEN, 48) / HIDDEN**0.5, torch.randn(3, 20, 48, 16)
    tables = (a.to(dtype), b.to(dtype), torch.rand(3) + 0.5, ranks)
    affine = (torch.rand(3, 2, 320) + 0.5, torch.tensor([0, 1, 0], dtype=torch.int32))
    x, y = torch.randn(70, HIDDEN).to(dtype), torch.randn(70, 320).to(dtype)
    args: tuple[Any, ...] = (y, x, slots, *tables, *affine)
    yield KernelCase("lora_linear", kernels.lora_linear, lora_linear_reference, args)
    args = (y, torch.randint(0, HIDDEN, (70,)), slots, *tables)
    yield KernelCase("lora_embedding", kernels.lora_embedding, lora_embedding_reference, args)
    is_saved = torch.tensor([1, 0, 1], dtype=torch.int32)
    weights = torch.randn(3, 20, HIDDEN, 16).to(dtype) / HIDDEN**0.5
    args = (y, x, slots, weights, is_saved)
    yield KernelCase("saved_linear", kernels.saved_linear, saved_linear_reference, args)
    args = (y, torch.randint(0, 90, (70,)), slots, torch.randn(3, 90, 320).to(dtype), is_saved)
    yield KernelCase("saved_embedding", kernels.saved_embedding, saved_embedding_reference, args)


def _float8_cases(dtype: torch.dtype, heads: int) -> Iterator[KernelCase]:
    weight = torch.randn(384, HIDDEN).to(torch.float8_e4m3fn)
    for scale in ((), (384, 1), (3, 4)):
        for rows in (1, 200):
            yield KernelCase(
                f"scaled_matmul, factors {list(scale)}, {rows} rows",
                kernels.scaled_matmul,
                scaled_matmul_reference,
                (torch.randn(rows, HIDDEN).to(dtype) / 16, weight, torch.rand(scale) + 0.5),
            )
    kv_heads, head_dim = max(heads // 4, 1), 128
    for name, new in (("prompts", [300, 129]), ("short ones", [1, 60, 7])):
        offsets, lengths, lookup = _cache_of([0] * len(new), new)
        shape = (
            int(lookup.int().max()) + 1,
            2,
            1,
            128,
            kv_heads,
            head_dim + factor_bytes(torch.float8_e4m3fn),
        )
        blocks = torch.zeros(shape, dtype=torch.uint8).view(torch.float8_e4m3fn)
        rows = int(offsets[-1])
        q = torch.randn(rows, 4 * kv_heads * head_dim).to(dtype)
        k, v = torch.randn(2, rows, kv_heads * head_dim).to(dtype)
        freqs = torch.randn(2048, head_dim // 2, 2)
        yield KernelCase(
            f"float8 cache, {name}",
            _stored_and_attended(kernels.rope_store_ragged, kernels.flash_attention_ragged),
            _stored_and_attended(rope_store_ragged_reference, flash_attention_ragged_reference),
            (q, k, v, offsets, freqs, blocks, lengths, lookup),
        )


def _stored_and_attended(
    store: Callable[..., torch.Tensor], attend: Callable[..., torch.Tensor]
) -> Callable[..., torch.Tensor]:
    """Fills a cache and attends to it: what it holds is not compared byte by byte."""

    def run(
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        offsets: torch.Tensor,
        freqs: torch.Tensor,
        *cache: torch.Tensor,
    ) -> torch.Tensor:
        turned = store(q, k, v, offsets, freqs, *cache, 0, False)
        return attend(turned, offsets, *cache, 0, 128**-0.5, True, 0, 0, 0.0, None, None)

    return run
