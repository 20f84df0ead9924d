"""max::packed_linear of blocks in every instruction set here, against double precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from max.graph.quantization import QuantizationEncoding, dequantize_rows
from max.kernels import packed_linear
from max.kernels.isa import available_isas
from max.kernels.layouts.panels import BLOCK_UNITS
from max.kernels.packed_linear.cpu import make_packed_linear_record
from max.kernels.packed_linear.rounded_products import rounded_activations, rounded_product
from max.kernels.thread_pool import set_num_threads
from tests.kernels.cpu_kernels import cpu_kernels
from tests.kernels.panels import blocks_in_panels
from tests.kernels.quantized_weights import make_quantized_weight


def not_taken(*_: object) -> list[torch.Tensor]:
    raise AssertionError("the kernel takes these operands")


IMPLEMENTATIONS: dict[str, Callable[..., list[torch.Tensor]]] = {
    "op": packed_linear,
    **cpu_kernels(make_packed_linear_record, not_taken),
}
DTYPES = (torch.float32, torch.bfloat16)
# Rows, elements of a row, outputs: one and many of each, whole panels and not, nothing; more
# elements than a slice of a panel has.
SHAPES = [(0, 256, 8), (3, 256, 0), (1, 256, 64), (1, 512, 70), (5, 768, 65), (40, 2304, 130)]


@pytest.fixture(autouse=True, params=[1, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    set_num_threads(request.param)
    yield
    set_num_threads(None)


def product(
    x: torch.Tensor,
    weight: torch.Tensor,
    encoding: str,
    bias: torch.Tensor | None = None,
    implementation: str = "op",
) -> torch.Tensor:
    packed = blocks_in_panels(weight, encoding)
    (result,) = IMPLEMENTATIONS[implementation](x, [packed], [bias], [len(weight)], [encoding])
    return result


def grid_or_thirds(encoding: str) -> bool:
    return encoding.startswith(("iq1", "iq2", "iq3", "tq"))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("encoding", BLOCK_UNITS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_agrees_with_double_precision(
    implementation: str, encoding: str, dtype: torch.dtype
) -> None:
    """Of the rounded activations: what is left are float32 sums, and rounding to bfloat16."""
    # Kernels of the file's own blocks differ in decoding only, not in what becomes of the bytes.
    is_of_file = grid_or_thirds(encoding)
    for shape in SHAPES[2:5] if is_of_file else SHAPES:
        rows, columns, outputs = shape
        torch.manual_seed(0)
        x, bias = torch.randn(rows, columns).to(dtype), torch.randn(outputs).to(dtype)
        weight = make_quantized_weight(outputs, columns, encoding)
        for b in (None, bias):
            got = product(x, weight, encoding, b, implementation)
            assert got.dtype == dtype and got.shape == (rows, outputs)
            expected = rounded_product(x, weight, encoding)
            expected = expected if b is None else expected + b.double()
            scale = expected.abs().mean().item() if expected.numel() else 1.0
            rtol, atol = (2**-8, 1e-5) if dtype == torch.bfloat16 else (1e-5, 1e-5)
            torch.testing.assert_close(
                got.double(), expected, rtol=rtol, atol=atol * scale, msg=f"{shape}"
            )


@pytest.mark.parametrize("encoding", BLOCK_UNITS)
def test_rounding_the_activations_costs_little(encoding: str) -> None:
    """A scale for 32 or 256 normal numbers is about 2.1 or 2.8 / 127; the error of rounding to
    multiples of it is uniform: its root mean square is 1 / sqrt(12) of it, 0.5 % or 0.7 %."""
    torch.manual_seed(0)
    x, weight = torch.randn(20, 1024), make_quantized_weight(64, 1024, encoding)
    exact = x.double() @ dequantize_rows(weight, QuantizationEncoding(encoding)).double().T
    error = (product(x, weight, encoding).double() - exact).norm() / exact.norm()
    assert error < (0.0065 if BLOCK_UNITS[encoding].rounded == 32 else 0.009)


@pytest.mark.parametrize("isa", available_isas())
@pytest.mark.parametrize("encoding", BLOCK_UNITS)
def test_a_row_s_bits_do_not_depend_on_the_batch_or_the_threads(isa: str, encoding: str) -> None:
    torch.manual_seed(0)
    x, bias = torch.randn(130, 512).bfloat16(), torch.randn(100).bfloat16()
    weight = make_quantized_weight(100, 512, encoding)
    whole = product(x, weight, encoding, bias, isa)
    for rows in (1, 2, 3, 4, 5, 6, 8, 37):
        part = product(x[5 : 5 + rows], weight, encoding, bias, isa)
        assert torch.equal(part, whole[5 : 5 + rows])
    set_num_threads(2)
    assert torch.equal(product(x, weight, encoding, bias, isa), whole)


@pytest.mark.parametrize("isa", available_isas())
def test_many_rows_and_outputs_give_the_same_bits(isa: str) -> None:
    """More rows than an item has, more outputs than a group, and several weights."""
    torch.manual_seed(0)
    x, outputs = torch.randn(250, 256), (1100, 40)
    packed = [blocks_in_panels(make_quantized_weight(n, 256, "q4_k"), "q4_k") for n in outputs]
    arguments = packed, [None, None], outputs, ["q4_k"] * 2
    whole = IMPLEMENTATIONS[isa](x, *arguments)
    for rows in (slice(0, 3), slice(90, 100), slice(248, 250)):
        for got, expected in zip(IMPLEMENTATIONS[isa](x[rows], *arguments), whole, strict=True):
            assert torch.equal(got, expected[rows])


@pytest.mark.parametrize("encodings", [("q4_k", "q6_k", "q5_k"), ("q8_0", "q4_0")])
def test_several_weights_share_their_input(encodings: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    outputs = (65, 3, 128)[: len(encodings)]
    x = torch.randn(7, 512)
    weights = [make_quantized_weight(n, 512, e) for n, e in zip(outputs, encodings, strict=True)]
    packed = [blocks_in_panels(w, e) for w, e in zip(weights, encodings, strict=True)]
    together = packed_linear(x, packed, [None] * len(packed), outputs, encodings)
    for got, weight, encoding in zip(together, weights, encodings, strict=True):
        assert torch.equal(got, product(x, weight, encoding))


@pytest.mark.parametrize("encoding", ["q8_0", "q4_0"])
def test_rows_need_no_more_than_whole_blocks(encoding: str) -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(2, 96), make_quantized_weight(10, 96, encoding)
    expected = rounded_product(x, weight, encoding)
    torch.testing.assert_close(
        product(x, weight, encoding).double(), expected, rtol=1e-5, atol=1e-5
    )


def test_strides_and_leading_axes() -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(6, 64), make_quantized_weight(64, 32, "q8_0")
    whole = product(x[:, :32].contiguous(), weight, "q8_0")
    assert torch.equal(product(x[:, :32], weight, "q8_0"), whole)
    assert torch.equal(product(x[:, :32].view(2, 3, 32), weight, "q8_0").flatten(0, 1), whole)
    assert torch.equal(product(x[:, :32].T.contiguous().T, weight, "q8_0"), whole)


def test_extreme_activations() -> None:
    """Subnormal numbers are zeros, large ones stay, what is no number shows in its row."""
    weight = make_quantized_weight(64, 32, "q8_0")
    rows = [0.0, 1e-42, 1e30, float("inf"), float("nan")]
    x = torch.randn(len(rows), 32)
    x[:, 0] = torch.tensor(rows)
    x[0] = 0
    x[1] *= 0
    x[1, 0] = 1e-42
    result = product(x, weight, "q8_0")
    assert result[:2].abs().max() < 1e-36
    expected = rounded_product(x[2:3], weight, "q8_0")
    torch.testing.assert_close(result[2:3].double(), expected, rtol=1e-5, atol=1e20)
    assert not result[3:].isfinite().any()


def test_the_scale_is_that_of_the_largest() -> None:
    x = torch.tensor([[-254.0, 2.0, 3.1, *[0.0] * 29, 0.5, *[0.0] * 31]])
    rounded = rounded_activations(x, 32)
    assert rounded[0, :3].tolist() == [-254, 2, 4]
    assert rounded[0, 32].item() == pytest.approx(0.5)


@pytest.mark.parametrize("isa", available_isas())
@pytest.mark.parametrize("encoding", ["q4_k", "q5_k", "q6_k"])
@pytest.mark.parametrize("element", [0x00, 0xFF])
def test_sums_of_many_large_products_are_exact(isa: str, encoding: str, element: int) -> None:
    """Of the least and of the greatest numbers that weights and activations have: sums of a scale's
    products are shorts, so activations of the same size become smaller bytes."""
    weight = make_quantized_weight(32, 512, encoding)
    kind = QuantizationEncoding(encoding)
    scales_at = slice(208, 210) if encoding == "q6_k" else slice(0, 4)
    blocks = weight.view(32, -1, kind.block_size)
    scales = blocks[:, :, scales_at].clone()
    blocks[:] = element
    blocks[:, :, scales_at] = scales
    if encoding == "q6_k":  # 0xFF would be -1
        blocks[:, :, 192:208] = 127 if element else 128
    signs = torch.ones(512).index_fill(0, torch.arange(256, 512, 2), -1)
    x = torch.stack([signs, -signs, signs * torch.linspace(0.4, 1, 512)])
    expected = rounded_product(x, weight, encoding)
    got = product(x, weight, encoding, implementation=isa).double()
    torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-3)


def test_activations_of_equal_size_have_a_larger_scale() -> None:
    """16 bytes of a block of 256 sum up to 1023 at most: 2032 would be 127 each."""
    x = torch.full((1, 256), 127.0)
    assert torch.equal(rounded_activations(x, 32), x.double())
    scale = 2032 / 1007
    assert 16 * round(127 / scale) <= 1023
    assert rounded_activations(x, 256)[0, 0].item() == pytest.approx(scale * round(127 / scale))


def test_schema_and_shape_function() -> None:
    weight = make_quantized_weight(70, 256, "q4_k")
    packed = blocks_in_panels(weight, "q4_k")
    assert packed.numel() == 3 * 32 * 148
    arguments = (torch.randn(3, 256), [packed], [None], [70], ["q4_k"])
    torch.library.opcheck(packed_linear, arguments, test_utils="test_faketensor")
    with (
        torch._subclasses.FakeTensorMode(allow_non_fake_inputs=True),
        pytest.raises(RuntimeError, match=r"of 70 rows in panels for it has 28416 bytes, not"),
    ):
        packed_linear(torch.empty(3, 512), [packed], [None], [70], ["q4_k"])


def test_other_activations_are_refused() -> None:
    weight = blocks_in_panels(make_quantized_weight(64, 32, "q8_0"), "q8_0")
    with pytest.raises(NotImplementedError, match=r"in panels of q8_0 are multiplied with"):
        packed_linear(torch.ones(1, 32).half(), [weight], [None], [64], ["q8_0"])
