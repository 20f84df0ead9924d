"""max::latent_store_ragged, and attention to what it stores, against expanded keys and values."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from max.kernels import flash_attention_ragged, latent_store_ragged
from max.kernels.eight_bit_entries import factor_bytes
from max.kernels.flash_attention_ragged.reference import flash_attention_ragged_reference
from max.kernels.latent_store_ragged.cpu import make_latent_store_ragged_record
from max.kernels.latent_store_ragged.reference import latent_store_ragged_reference
from tests.kernels.cpu_kernels import cpu_kernels

IMPLEMENTATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "op": latent_store_ragged,
    "reference": latent_store_ragged_reference,
    **cpu_kernels(make_latent_store_ragged_record, latent_store_ragged_reference),
}
ATTENTION: dict[str, Callable[..., torch.Tensor]] = {
    "op": flash_attention_ragged,
    "reference": flash_attention_ragged_reference,
}
HEADS, RANK, TURNED, NOPE, VALUE, PAGE = 3, 20, 8, 12, 10, 4


def turned(x: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """Neighbouring elements as complex numbers, times e^(i angle)."""
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).flatten(-2)


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.int8, 0.1)])
def test_absorbed_attention_is_attention(
    implementation: str, attention: str, dtype: torch.dtype, tolerance: float
) -> None:
    """One request of seven tokens, whose first five came before."""
    torch.manual_seed(0)
    tokens, past = 7, 5
    k_b, v_b = torch.randn(HEADS, NOPE, RANK), torch.randn(HEADS, VALUE, RANK)
    q = torch.randn(tokens, HEADS, NOPE + TURNED)
    kv, weight = torch.randn(tokens, RANK + TURNED), 1 + torch.randn(RANK)
    angles = torch.outer(torch.arange(16.0), 10.0 ** -torch.arange(TURNED / 2))
    table = torch.stack((angles.cos(), angles.sin()), -1)
    width = RANK + TURNED + factor_bytes(dtype)
    blocks = torch.zeros(4, 1, 2, PAGE, 1, width, dtype=dtype)
    lookup = torch.tensor([[3, 1]], dtype=torch.uint32)
    absorbed = torch.einsum("rhn,hnk->rhk", q[..., :NOPE], k_b).flatten(1)

    def step(first: int, last: int) -> torch.Tensor:
        offsets = torch.tensor([0, last - first], dtype=torch.uint32)
        before = torch.tensor([first], dtype=torch.uint32)
        queries = IMPLEMENTATIONS[implementation](
            q[first:last].flatten(1),
            absorbed[first:last],
            kv[first:last],
            weight,
            1e-6,
            HEADS,
            offsets,
            table,
            blocks,
            before,
            lookup,
            1,
            True,
        )
        return ATTENTION[attention](
            queries, offsets, blocks, before, lookup, 1, 0.3, True, 0, 0, 0.0, None, None
        )

    step(0, past)
    attended = step(past, tokens).unflatten(-1, (HEADS, -1))[..., :RANK]
    got = torch.einsum("rhk,hvk->rhv", attended, v_b)

    latent = kv[:, :RANK]
    latent = weight * latent * torch.rsqrt(latent.square().mean(-1, keepdim=True) + 1e-6)
    own = angles[:tokens]
    shared = turned(kv[:, RANK:], own)[:, None].expand(-1, HEADS, -1)
    keys = torch.cat((torch.einsum("tk,hnk->thn", latent, k_b), shared), -1)
    values = torch.einsum("tk,hvk->thv", latent, v_b)
    expected = []
    for row in range(past, tokens):
        query = torch.cat((q[row, :, :NOPE], turned(q[row, :, NOPE:], own[row])), -1)
        scores = torch.einsum("hd,thd->ht", query, keys[: row + 1]) * 0.3
        expected.append(torch.einsum("ht,thv->hv", scores.softmax(-1), values[: row + 1]))
    want = torch.stack(expected)
    assert (got - want).norm() / want.norm() < tolerance
