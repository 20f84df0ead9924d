"""max::packed_linear in every instruction set here, against a double precision oracle."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F

from max.kernels import packed_linear
from max.kernels.isa import available_isas
from max.kernels.native import load_kernel
from max.kernels.packed_linear.cpu import make_packed_linear_record
from max.kernels.packed_linear.reference import packed_linear_reference
from max.kernels.thread_pool import set_num_threads
from tests.kernels.cpu_kernels import cpu_kernels
from tests.kernels.panels import in_panels

IMPLEMENTATIONS: dict[str, Callable[..., list[torch.Tensor]]] = {
    "op": packed_linear,
    "reference": packed_linear_reference,
    **cpu_kernels(make_packed_linear_record, packed_linear_reference),
}
DTYPES = (torch.float32, torch.bfloat16)
# Rows, elements of a row, outputs: one and many of each, whole panels and blocks and not, nothing.
SHAPES = [
    (0, 8, 8),
    (3, 4, 0),
    (1, 1, 1),
    (1, 64, 64),
    (1, 33, 70),
    (2, 0, 5),
    (5, 33, 65),
    (6, 1111, 64),
    (37, 300, 130),
    (200, 70, 20),
]


@pytest.fixture(autouse=True, params=[1, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    set_num_threads(request.param)
    yield
    set_num_threads(None)


def make_operands(
    rows: int, columns: int, outputs: int, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """x [rows, columns], a weight [outputs, columns] and a bias [outputs]."""
    torch.manual_seed(rows + columns + outputs)
    sizes = ((rows, columns), (outputs, columns), (outputs,))
    x, weight, bias = (torch.randn(size).to(dtype) for size in sizes)
    return x, weight, bias


def product(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    implementation: str = "op",
) -> torch.Tensor:
    packed, layout = in_panels(weight)
    (result,) = IMPLEMENTATIONS[implementation](
        x, [packed], [bias], [len(weight)], [layout.encoding]
    )
    return result


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_agrees_with_double_precision(implementation: str, dtype: torch.dtype) -> None:
    for shape in SHAPES:
        x, weight, bias = make_operands(*shape, dtype)
        for b in (None, bias):
            got = product(x, weight, b, implementation)
            assert got.dtype == dtype and got.shape == (shape[0], shape[2])
            expected = F.linear(x.double(), weight.double(), None if b is None else b.double())
            # One rounding to bfloat16 (8 bits); or float32 sums of standard normal products.
            rtol, atol = (2**-8, 1e-4) if dtype == torch.bfloat16 else (1e-6, 1e-4)
            torch.testing.assert_close(got.double(), expected, rtol=rtol, atol=atol, msg=str(shape))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(
    ("dtype", "weight_dtype"),
    [
        (torch.float32, torch.bfloat16),
        (torch.float32, torch.float16),
        (torch.bfloat16, torch.float16),
    ],
)
def test_weights_of_16_bits_are_multiplied_as_they_are(
    implementation: str, dtype: torch.dtype, weight_dtype: torch.dtype
) -> None:
    for shape in SHAPES:
        x, weight, bias = make_operands(*shape, dtype)
        weight = weight.to(weight_dtype)
        got = product(x, weight, bias, implementation)
        assert got.dtype == dtype
        expected = F.linear(x.double(), weight.double(), bias.double())
        rtol = 2**-8 if dtype == torch.bfloat16 else 1e-6
        torch.testing.assert_close(got.double(), expected, rtol=rtol, atol=1e-4, msg=str(shape))
        for row in range(min(len(x), 8)):
            alone = product(x[row : row + 1], weight, bias, implementation)
            assert implementation == "reference" or torch.equal(alone[0], got[row])


@pytest.mark.parametrize("isa", available_isas())
def test_errors_grow_slowly(isa: str) -> None:
    """A sum of n float32 products with random roundings errs by about sqrt(n) * 2^-25 of its terms'
    root sum of squares when it is one chain; chains of 512 keep it well below 4 times that."""
    for columns in (64, 1024, 16384):
        x, weight, _ = make_operands(4, columns, 64, torch.float32)
        error = product(x, weight, implementation=isa).double() - x.double() @ weight.double().T
        scale = (x.double().square() @ weight.double().square().T).sqrt()
        assert (error / scale).abs().max() < 4 * 2**-25 * columns**0.5


@pytest.mark.parametrize("isa", available_isas())
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_s_bits_do_not_depend_on_the_batch_or_the_threads(
    isa: str, dtype: torch.dtype
) -> None:
    x, weight, bias = make_operands(512, 1100, 130, dtype)
    whole = product(x, weight, bias, isa)
    for rows in (1, 2, 3, 4, 5, 6, 8, 37):
        assert torch.equal(product(x[5 : 5 + rows], weight, bias, isa), whole[5 : 5 + rows])
    set_num_threads(2)
    assert torch.equal(product(x, weight, bias, isa), whole)


def test_several_weights_share_their_input() -> None:
    torch.manual_seed(0)
    weights = [torch.randn(n, 40) for n in (65, 3, 128)]
    biases = [torch.randn(65), None, torch.randn(128)]
    x = torch.randn(7, 40)
    together = packed_linear(
        x, [in_panels(w)[0] for w in weights], biases, [65, 3, 128], ["float32"] * 3
    )
    for got, weight, bias in zip(together, weights, biases, strict=True):
        assert torch.equal(got, product(x, weight, bias))


@pytest.mark.parametrize("dtype", DTYPES)
def test_strides_and_leading_axes(dtype: torch.dtype) -> None:
    x, weight, _ = make_operands(12, 33, 64, dtype)
    whole = product(x, weight)
    wide = F.pad(x, (0, 33))
    assert torch.equal(product(wide[:, :33], weight), whole)
    assert torch.equal(product(wide[::2, :33], weight), whole[::2])
    assert torch.equal(product(x.T.contiguous().T, weight), whole)
    assert torch.equal(product(x.view(3, 4, 33), weight).flatten(0, 1), whole)
    assert torch.equal(product(x[0], weight), whole[0])


def test_nan_and_infinity_stay_in_their_row() -> None:
    x, weight, _ = make_operands(8, 32, 64, torch.bfloat16)
    clean = product(x, weight)
    x[2, 3], x[4, 5] = float("nan"), float("inf")
    dirty = product(x, weight)
    assert dirty[2].isnan().all() and not dirty[4].isfinite().any()
    others = [0, 1, 3, 5, 6, 7]
    assert torch.equal(dirty[others], clean[others])


@pytest.mark.parametrize("dtype", [*DTYPES, torch.float16])
def test_packing_is_undone_by_unpacking(dtype: torch.dtype) -> None:
    for rows, columns in ((1, 1), (64, 64), (65, 33), (130, 100), (0, 5), (5, 0)):
        weight = torch.randn(rows, columns).to(dtype)
        packed, layout = in_panels(weight)
        assert torch.equal(layout.elements(packed), weight)


def test_packing_reads_any_strides() -> None:
    weight = torch.randn(1030, 1000)
    assert torch.equal(in_panels(weight.T)[0], in_panels(weight.T.contiguous())[0])
    assert torch.equal(in_panels(weight[::2])[0], in_panels(weight[::2].contiguous())[0])


def test_schema_and_shape_function() -> None:
    x, weight, bias = make_operands(3, 8, 16, torch.float32)
    arguments = (x, [in_panels(weight)[0]], [bias], [16], ["float32"])
    torch.library.opcheck(packed_linear, arguments, test_utils="test_faketensor")
    narrow, _ = in_panels(weight[:, :4])
    with (
        torch._subclasses.FakeTensorMode(allow_non_fake_inputs=True),
        pytest.raises(RuntimeError, match=r"of 16 rows in panels for it has 2048 bytes, not"),
    ):
        packed_linear(x, [narrow], [None], [16], ["float32"])


def test_the_kernel_is_built_here() -> None:
    assert load_kernel("packed_linear") is not None
