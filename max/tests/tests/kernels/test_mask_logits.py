"""max::mask_logits: what a mask forbids is -inf, what it allows stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from max.kernels import mask_logits
from max.kernels.mask_logits.cpu import make_mask_logits_record
from max.kernels.mask_logits.reference import mask_logits_reference
from tests.kernels.cpu_kernels import cpu_kernels

IMPLEMENTATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "op": mask_logits,
    "reference": mask_logits_reference,
    **cpu_kernels(make_mask_logits_record, mask_logits_reference),
}
INF = torch.inf


def make_bits(*rows: list[int], words: int) -> torch.Tensor:
    """Masks of some words, `int32[rows, words]`."""
    bits = torch.zeros(len(rows), words, dtype=torch.int64)
    for row, tokens in zip(bits, rows, strict=True):
        for token in tokens:
            row[token // 32] |= 1 << token % 32
    return torch.where(bits >= 1 << 31, bits - (1 << 32), bits).to(torch.int32)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("size", [5, 32, 70, 321])
def test_masked_rows_keep_what_may_come_and_others_everything(
    implementation: str, dtype: torch.dtype, size: int
) -> None:
    logits = torch.randn(4, size).to(dtype)
    masks = [[1, 4], [token for token in range(size) if token % 3 or token < 70]]
    bits = make_bits(*masks, words=-(-size // 32))

    got = IMPLEMENTATIONS[implementation](logits, torch.tensor([1, 3]), bits)

    expected = logits.float()
    for row, tokens in zip((1, 3), masks, strict=True):
        forbidden = [token for token in range(size) if token not in tokens]
        expected[row, forbidden] = -INF
    assert torch.equal(got, expected)
    assert torch.equal(mask_logits_reference(logits, torch.tensor([1, 3]), bits), expected)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("size", [5, 31, 64, 100])
def test_tokens_beyond_a_mask_may_not_come(implementation: str, size: int) -> None:
    bits = make_bits([0, 1, 4, 31], words=1)

    (got,) = IMPLEMENTATIONS[implementation](torch.zeros(1, size), torch.tensor([0]), bits)

    allowed = (got == 0).nonzero().flatten().tolist()
    assert allowed == [token for token in (0, 1, 4, 31) if token < size]
    assert (got == -INF).sum() == size - len(allowed)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("allowed", [[3, 40], [3], [64], [5, 64]])
def test_where_nothing_has_a_chance_all_that_may_come_has(
    implementation: str, allowed: list[int]
) -> None:
    """A forbidden token is none, however likely it is."""
    logits = torch.full((1, 65), -INF)
    logits[0, 6] = INF

    (got,) = IMPLEMENTATIONS[implementation](logits, torch.tensor([0]), make_bits(allowed, words=3))

    assert (got == 0).nonzero().flatten().tolist() == allowed
    assert (got == -INF).sum() == 65 - len(allowed)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_nan_of_what_may_come_stays(implementation: str) -> None:
    logits = torch.full((1, 64), torch.nan)
    logits[0, 8] = -INF

    (got,) = IMPLEMENTATIONS[implementation](logits, torch.tensor([0]), make_bits([8, 33], words=2))

    assert got.isnan().nonzero().flatten().tolist() == [33]
    assert (got == -INF).sum() == 63


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_without_rows_or_masks(implementation: str) -> None:
    nothing, no_rows = torch.zeros(0, 2, dtype=torch.int32), torch.zeros(0, dtype=torch.int64)
    logits = torch.randn(2, 40)
    assert torch.equal(IMPLEMENTATIONS[implementation](logits, no_rows, nothing), logits)
    assert IMPLEMENTATIONS[implementation](logits[:0], no_rows, nothing).shape == (0, 40)


def test_schema_and_shape_function() -> None:
    arguments = (torch.randn(3, 40), torch.tensor([2]), make_bits([1], words=2))
    torch.library.opcheck(mask_logits, arguments, test_utils="test_faketensor")
