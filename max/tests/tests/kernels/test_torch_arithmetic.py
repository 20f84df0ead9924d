"""What stands for torch's functions in programs computes what they do."""

from __future__ import annotations

import operator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import fx

from max.graph.ops.functions import quick_gelu
from max.graph.ops.normalization import rms_normed
from max.kernels.facts import NativeCall
from max.kernels.torch_ops import TORCH_FACTS, facts_of

DTYPES = [torch.float32, torch.bfloat16, torch.float16]


def native(target: Any, *arguments: Any, **options: Any) -> NativeCall | None:
    given = facts_of(target).native
    assert given is not None, f"{target} has no native call"
    return given(*arguments, **options)


def run(target: Any, *arguments: Any, **options: Any) -> torch.Tensor:
    call = native(target, *arguments, **options)
    assert call is not None
    result: torch.Tensor = call.op(*call.args)
    return result


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("target", [operator.add, operator.sub, operator.mul, operator.truediv])
def test_arithmetic_has_torchs_bits(target: Any, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    x, row, same = (torch.randn(shape).to(dtype) for shape in [(7, 33), (33,), (7, 33)])
    others = [row, same, 0.3, 3]
    assert all(torch.equal(run(target, x, other), target(x, other)) for other in others)
    if target is not operator.truediv:
        assert torch.equal(run(target, 0.3, x), target(0.3, x))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("target", "arguments"),
    [
        (operator.neg, ()),
        (operator.pow, (2,)),
        (torch.abs, ()),
        (torch.relu, ()),
        (torch.clamp_min, (0.25,)),
        (torch.clamp_max, (0.25,)),
        (torch.Tensor.to, (torch.float32,)),
        (torch.Tensor.to, (torch.bfloat16,)),
    ],
)
def test_exact_functions_have_torchs_bits(
    target: Any, arguments: tuple[Any, ...], dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    x = torch.randn(7, 33).to(dtype)
    got, want = run(target, x, *arguments), target(x, *arguments)
    torch.testing.assert_close(got, want, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("target", "options"),
    [
        (torch.exp, {}),
        (torch.erf, {}),
        (torch.tanh, {}),
        (torch.sigmoid, {}),
        (F.silu, {}),
        (F.gelu, {}),
        (F.gelu, {"approximate": "tanh"}),
        (quick_gelu, {}),
    ],
)
def test_functions_are_torchs_to_a_rounding(
    target: Any, options: dict[str, Any], dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    x = torch.randn(7, 33).to(dtype)
    tolerance = {torch.float32: 1e-6, torch.bfloat16: 2**-6, torch.float16: 2**-9}[dtype]
    got = run(target, x, **options)
    torch.testing.assert_close(got, target(x, **options), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
def test_roots_are_torchs_to_a_rounding(dtype: torch.dtype) -> None:
    x = torch.rand(7, 33).to(dtype)
    for target, arguments in ((torch.sqrt, ()), (torch.rsqrt, ()), (operator.pow, (0.5,))):
        got, want = run(target, x, *arguments), target(x, *arguments)
        torch.testing.assert_close(got, want, rtol=4 * torch.finfo(dtype).eps, atol=0)


def test_norms() -> None:
    torch.manual_seed(0)
    x, weight, bias = torch.randn(7, 33), torch.randn(33), torch.randn(33)
    for target, arguments in (
        (F.layer_norm, ([33], weight, bias, 1e-5)),
        (F.layer_norm, ([33], None, None, 1e-5)),
        (rms_normed, (weight, 1e-5, 1.0, True)),
    ):
        torch.testing.assert_close(run(target, x, *arguments), target(x, *arguments))
    assert native(F.layer_norm, x, [7, 33], None, None, 1e-5) is None


def test_what_our_kernels_do_not_take_is_left_to_torch() -> None:
    x, whole = torch.randn(3, 4), torch.arange(4)
    assert native(operator.add, x, whole) is None
    assert native(operator.add, whole, 1) is None
    assert native(operator.truediv, 2.0, x) is None
    assert native(operator.pow, x, 3) is None
    assert native(torch.Tensor.to, whole, torch.float32) is None
    assert native(torch.Tensor.to, x, torch.int64) is None
    assert native(torch.Tensor.to, x, torch.device("cpu")) is None
    assert native(operator.getitem, x, 1) is None
    assert native(operator.getitem, x, (slice(None), whole)) is None


def test_nodes_tell_what_they_give() -> None:
    graph = fx.Graph()
    x, n = graph.placeholder("x"), graph.placeholder("n")
    x.meta["val"], n.meta["val"] = torch.randn(2, device="meta"), torch.tensor([1])
    assert native(operator.add, x, x) is not None
    assert native(operator.add, x, n) is None
    assert native(operator.getitem, x, (n,)) is not None


def test_all_rows_of_the_table_are_functions() -> None:
    assert all(callable(target) for target in TORCH_FACTS)
