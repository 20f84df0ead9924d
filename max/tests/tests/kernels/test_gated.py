"""max::gated against a double precision oracle."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from max.kernels import gated
from max.kernels.gated.cpu import make_gated_record
from max.kernels.gated.reference import ACTIVATIONS, gated_reference
from tests.kernels.cpu_kernels import cpu_kernels

KERNELS = cpu_kernels(make_gated_record, gated_reference)
IMPLEMENTATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "op": gated,
    "reference": gated_reference,
    **KERNELS,
}


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(1, 64), (5, 33), (0, 8), (3, 20000)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_agrees_with_double_precision(
    implementation: str, activation: str, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    gate, up = 10 * torch.randn(shape).to(dtype), torch.randn(shape).to(dtype)
    wide = gate.double()
    # In double precision, which gelu_quick's definition is not.
    act = ACTIVATIONS[activation]
    want = (wide * torch.sigmoid(1.702 * wide) if activation == "gelu_quick" else act(wide)) * up
    got = IMPLEMENTATIONS[implementation](gate, up, activation)
    assert got.dtype == dtype
    tolerance = {torch.float32: 5e-6, torch.bfloat16: 2**-6, torch.float16: 2**-9}[dtype]
    torch.testing.assert_close(got.double(), want, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("implementation", KERNELS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_rounds_as_the_reference_does(implementation: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    gate, up = torch.randn(64, 100).to(dtype), torch.randn(64, 100).to(dtype)
    for activation in ACTIVATIONS:
        same = KERNELS[implementation](gate, up, activation) == gated_reference(
            gate, up, activation
        )
        # A last bit of float32 moves a result over a rounding border now and then.
        assert same.float().mean() > 0.99


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_gates_that_are_far_out_are_open_or_shut(implementation: str) -> None:
    gate = torch.tensor([-1e30, -200.0, 0.0, 200.0, 1e30, float("inf")])
    got = IMPLEMENTATIONS[implementation](gate, torch.ones(6), "silu")
    torch.testing.assert_close(got, torch.tensor([0.0, 0.0, 0.0, 200.0, 1e30, float("inf")]))


@pytest.mark.parametrize("implementation", KERNELS)  # torch's own bits change with strides
def test_halves_of_a_stacked_projection(implementation: str) -> None:
    stacked = torch.randn(5, 96)
    gate, up = stacked[:, :48], stacked[:, 48:]
    got = KERNELS[implementation](gate, up, "gelu")
    assert torch.equal(got, KERNELS[implementation](gate.clone(), up.clone(), "gelu"))


def test_an_activation_that_there_is_not_is_refused() -> None:
    x = torch.ones(2, device="meta")
    with pytest.raises(RuntimeError, match="no activation 'swish'; known: silu, gelu, "):
        gated(x, x, "swish")


def test_schema_and_shape_function() -> None:
    args = (torch.randn(3, 8), torch.randn(3, 8), "relu2")
    torch.library.opcheck(gated, args, test_utils="test_faketensor")
