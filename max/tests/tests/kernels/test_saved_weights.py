"""max::saved_linear and max::saved_embedding against a double precision oracle."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from max.kernels import saved_embedding, saved_linear
from max.kernels.saved_embedding.cpu import make_saved_embedding_record
from max.kernels.saved_embedding.reference import saved_embedding_reference
from max.kernels.saved_linear.cpu import make_saved_linear_record
from max.kernels.saved_linear.reference import saved_linear_reference
from tests.kernels.cpu_kernels import cpu_kernels

Op = Callable[..., torch.Tensor]

KERNELS: dict[str, Op] = cpu_kernels(make_saved_linear_record, saved_linear_reference)
IMPLEMENTATIONS: dict[str, Op] = {
    "op": saved_linear,
    "reference": saved_linear_reference,
    **KERNELS,
}
EMBEDDINGS: dict[str, Op] = {
    "op": saved_embedding,
    "reference": saved_embedding_reference,
    **cpu_kernels(make_saved_embedding_record, saved_embedding_reference),
}
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 2**-7}
# The second of three slots has no weight.
IS_SAVED = torch.tensor([1, 0, 1], dtype=torch.int32)


def make_weights(inputs: int, outputs: int, dtype: torch.dtype) -> torch.Tensor:
    """[3, panels, inputs, 16]; NaN where nothing is to be read."""
    weights = torch.full([3, -(-outputs // 16), inputs, 16], torch.nan)
    weights[[0, 2]] = torch.randn(2, *weights.shape[1:]) / inputs**0.5
    return weights.to(dtype)


def make_slots(rows: int) -> torch.Tensor:
    return torch.randint(0, 4, (rows, 1), dtype=torch.int32)


# Of activations, and of adapters' elements.
DTYPES = [
    (torch.float32, torch.float32),
    (torch.float32, torch.bfloat16),
    (torch.bfloat16, torch.bfloat16),
]


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(("dtype", "of_weights"), DTYPES)
@pytest.mark.parametrize(
    ("rows", "inputs", "outputs"), [(1, 8, 8), (5, 33, 70), (60, 64, 257), (0, 4, 4)]
)
def test_agrees_with_double_precision(
    implementation: str,
    dtype: torch.dtype,
    of_weights: torch.dtype,
    rows: int,
    inputs: int,
    outputs: int,
) -> None:
    torch.manual_seed(0)
    weights, slots = make_weights(inputs, outputs, of_weights), make_slots(rows)
    y, x = torch.randn(rows, outputs).to(dtype), torch.randn(rows, inputs).to(dtype)
    is_own = (slots == 1) | (slots == 3)
    of_rows = weights[(slots[:, 0].long() - 1).clamp(0)].transpose(1, 2).flatten(2)
    products = torch.einsum("ri,rio->ro", x.double(), of_rows[:, :, :outputs].double())
    given = y.clone()
    got = IMPLEMENTATIONS[implementation](given, x, slots, weights, IS_SAVED)
    assert got.data_ptr() == given.data_ptr() and got.dtype == dtype
    want = torch.where(is_own, products, y.double())
    torch.testing.assert_close(got.double(), want, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    others = ~is_own[:, 0]
    assert torch.equal(got[others], y[others]), "rows without a weight keep their bits"


@pytest.mark.parametrize("implementation", KERNELS)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_a_row_s_bits_do_not_depend_on_the_others(implementation: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    weights, slots = make_weights(100, 90, dtype), make_slots(31)
    y, x = torch.randn(31, 90).to(dtype), torch.randn(31, 100).to(dtype)
    run = KERNELS[implementation]
    together = run(y.clone(), x, slots, weights, IS_SAVED)
    alone = [run(y[[i]], x[[i]], slots[[i]], weights, IS_SAVED) for i in range(31)]
    assert torch.equal(together, torch.cat(alone))


@pytest.mark.parametrize("implementation", EMBEDDINGS)
@pytest.mark.parametrize(("dtype", "of_tables"), DTYPES)
def test_embeddings_are_rows_of_the_table(
    implementation: str, dtype: torch.dtype, of_tables: torch.dtype
) -> None:
    torch.manual_seed(0)
    tables, slots = torch.randn(3, 30, 41).to(of_tables), make_slots(20)
    y, ids = torch.randn(20, 41).to(dtype), torch.randint(0, 30, (20,))
    slots[:2], ids[:2] = 1, torch.tensor([30, -1])  # beyond the table
    want = y.clone()
    for row in range(2, 20):
        if int(slots[row]) in (1, 3):
            want[row] = tables[slots[row] - 1, ids[row]]
    assert torch.equal(EMBEDDINGS[implementation](y, ids, slots, tables, IS_SAVED), want)


def test_operands_that_do_not_fit_are_told() -> None:
    y, ids, slots = torch.ones(2, 8), torch.zeros(2).long(), make_slots(2)
    with torch._subclasses.FakeTensorMode(allow_non_fake_inputs=True):
        with pytest.raises(RuntimeError, match="from 9 to 8 elements"):
            saved_linear(y, torch.ones(2, 9), slots, torch.ones(3, 1, 8, 16), IS_SAVED)
        with pytest.raises(RuntimeError, match="rows of 8 elements"):
            saved_embedding(y, ids, slots, torch.ones(3, 5, 9), IS_SAVED)
