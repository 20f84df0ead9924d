"""max::experts: every implementation against the sum of single products."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch

from max.dtype import DType
from max.graph import DeviceRef, Weight
from max.graph.quantization import QuantizationEncoding, dequantize_rows
from max.kernels import experts, route_tokens
from max.kernels.experts.cpu import make_experts_record
from max.kernels.experts.reference import SWISH_PLUS_ONE, experts_reference
from max.kernels.layouts import ExpertPanels
from max.kernels.quantize_rows import quantize_rows
from tests.kernels.cpu_kernels import cpu_kernels

REFERENCE: Callable[..., torch.Tensor] = experts_reference
KERNELS: dict[str, Callable[..., torch.Tensor]] = {
    "op": experts,
    **cpu_kernels(make_experts_record, experts_reference),
}
EXPERTS, TOP_K, HIDDEN, WIDTH = 6, 3, 512, 256


class Stack(NamedTuple):
    """Matrices as they are stored, in panels, and as numbers: [experts, out, in]."""

    stored: torch.Tensor
    panels: torch.Tensor
    numbers: torch.Tensor


def make_stack(out: int, columns: int, encoding: str, dtype: torch.dtype) -> Stack:
    """A matrix of each expert."""
    numbers = torch.randn(EXPERTS, out, columns) * columns**-0.5
    blocks = None
    if encoding in ("float32", "bfloat16"):
        stored = numbers = numbers.to(getattr(torch, encoding))
    else:
        blocks = QuantizationEncoding(encoding)
        stored = quantize_rows(numbers, blocks)
        numbers = dequantize_rows(stored, blocks)
    kind = DType(encoding) if blocks is None else DType.from_torch(dtype)
    weight = Weight("w", kind, [EXPERTS, out, columns], DeviceRef.CPU(), blocks)
    layout = ExpertPanels.of(weight)
    assert layout is not None
    panels = torch.empty(layout.nbytes, dtype=torch.uint8)
    layout.place(stored, panels)
    return Stack(stored, panels, numbers.double())


def expected(
    x: torch.Tensor,
    routes: torch.Tensor,
    stacks: tuple[Stack, Stack, Stack],
    biases: list[torch.Tensor],
    activation: str,
    limit: float,
) -> torch.Tensor:
    """In double precision, row by row."""
    out = torch.zeros(x.shape, dtype=torch.float64)
    for row in range(len(x)):
        for place in range(TOP_K):
            e, weight = int(routes[row, place]), routes[row, TOP_K + place].double()
            gate, up = (
                s.numbers[e] @ x[row].double() + b[e]
                for s, b in zip(stacks[:2], biases, strict=False)
            )
            if activation == SWISH_PLUS_ONE:
                gate, up = gate.clamp(max=limit), up.clamp(-limit, limit)
                inner = (up + 1) * gate * torch.sigmoid(1.702 * gate)
            else:
                inner = torch.nn.functional.silu(gate) * up
            out[row] += weight * (stacks[2].numbers[e] @ inner + biases[2][e])
    return out


@pytest.mark.parametrize("implementation", ["reference", *KERNELS])
@pytest.mark.parametrize(
    ("encoding", "dtype", "tolerance"),
    [
        ("float32", torch.float32, 1e-6),
        ("bfloat16", torch.float32, 1e-6),
        ("bfloat16", torch.bfloat16, 1e-2),
        ("q8_0", torch.float32, 1.5e-2),
        ("q4_k", torch.bfloat16, 2e-2),
        ("q6_k", torch.float32, 1.5e-2),
    ],
)
@pytest.mark.parametrize(("rows", "activation"), [(1, "silu"), (40, "silu"), (5, SWISH_PLUS_ONE)])
def test_agrees_with_double_precision(
    implementation: str,
    encoding: str,
    dtype: torch.dtype,
    tolerance: float,
    rows: int,
    activation: str,
) -> None:
    torch.manual_seed(0)
    stacks = (
        make_stack(WIDTH, HIDDEN, encoding, dtype),
        make_stack(WIDTH, HIDDEN, encoding, dtype),
        make_stack(HIDDEN, WIDTH, encoding, dtype),
    )
    x = torch.randn(rows, HIDDEN).to(dtype)
    routes = route_tokens(
        torch.randn(rows, EXPERTS), None, TOP_K, "softmax", 1, 1, 1, True, 1.0, 0.0
    )
    biases = [torch.randn(EXPERTS, n).to(dtype) for n in (WIDTH, WIDTH, HIDDEN)]
    limit = 1.0 if activation == SWISH_PLUS_ONE else 0.0
    want = expected(x, routes, stacks, biases, activation, limit)
    is_packed = implementation != "reference"
    function = {"reference": REFERENCE, **KERNELS}[implementation]
    got = function(
        x,
        routes,
        None,
        *(s.panels if is_packed else s.stored for s in stacks),
        biases,
        [],
        [encoding] * 3,
        [is_packed] * 3,
        EXPERTS,
        WIDTH,
        activation,
        limit,
        False,
    )
    assert got.dtype == dtype
    assert (got.double() - want).norm() / want.norm() < tolerance


@pytest.mark.parametrize("implementation", KERNELS)
@pytest.mark.parametrize("encoding", ["bfloat16", "q8_0"])
def test_a_row_has_the_same_bits_alone(implementation: str, encoding: str) -> None:
    torch.manual_seed(0)
    dtype = torch.bfloat16
    stacks = (
        make_stack(WIDTH, HIDDEN, encoding, dtype),
        make_stack(WIDTH, HIDDEN, encoding, dtype),
        make_stack(HIDDEN, WIDTH, encoding, dtype),
    )
    x = torch.randn(33, HIDDEN).to(dtype)
    routes = route_tokens(torch.randn(33, EXPERTS), None, TOP_K, "sigmoid", 1, 1, 1, True, 1.0, 0.0)

    def run(rows: slice) -> torch.Tensor:
        return KERNELS[implementation](
            x[rows],
            routes[rows],
            None,
            *(s.panels for s in stacks),
            [None] * 3,
            [],
            [encoding] * 3,
            [True] * 3,
            EXPERTS,
            WIDTH,
            "silu",
            0.0,
            False,
        )

    together = run(slice(None))
    for row in (0, 7, 32):
        assert torch.equal(run(slice(row, row + 1))[0], together[row])


def make_adapters(adapters: int, out: int, columns: int, rank: int) -> list[torch.Tensor]:
    """Tables of `max::lora_linear`; the last expert has no product."""
    count = adapters * EXPERTS
    ranks = torch.full([count], rank, dtype=torch.int32)
    ranks[EXPERTS - 1 :: EXPERTS] = 0
    b = torch.zeros(count, out // 16, 16, 16)
    b[:, :, :rank] = torch.randn(count, out // 16, rank, 16)
    a = torch.zeros(count, columns, 16)
    a[:, :, :rank] = torch.randn(count, columns, rank) * columns**-0.5
    none = torch.zeros(count, 2, out), torch.zeros(count, dtype=torch.int32)
    return [a, b, torch.rand(count) + 0.5, ranks, *none]


def with_adapter(stack: Stack, tables: list[torch.Tensor], adapter: int) -> Stack:
    """The sum of the matrices and the products of one adapter, counted from 1."""
    a, b, scales, ranks, *_ = (each.unflatten(0, (-1, EXPERTS))[adapter - 1] for each in tables)
    products = torch.einsum("epjo,eij->epoi", b.double(), a.double()).flatten(1, 2)
    products *= (scales * (ranks > 0))[:, None, None].double()
    return stack._replace(numbers=stack.numbers + products)


@pytest.mark.parametrize("implementation", ["reference", *KERNELS])
def test_each_row_has_its_adapter_of_each_expert(implementation: str) -> None:
    torch.manual_seed(0)
    shapes = ((WIDTH, HIDDEN), (WIDTH, HIDDEN), (HIDDEN, WIDTH))
    stacks = [make_stack(*shape, "float32", torch.float32) for shape in shapes]
    tables = [make_adapters(2, *shape, rank=3) for shape in shapes]
    x = torch.randn(9, HIDDEN)
    routes = route_tokens(torch.randn(9, EXPERTS), None, TOP_K, "softmax", 1, 1, 1, True, 1.0, 0.0)
    biases = [torch.randn(EXPERTS, out) for out, _ in shapes]
    function = {"reference": REFERENCE, **KERNELS}[implementation]
    is_packed = implementation != "reference"
    matrices = [s.panels if is_packed else s.stored for s in stacks]
    settings = (["float32"] * 3, [is_packed] * 3, EXPERTS, WIDTH, "silu", 0.0, False)

    def run(adapter_of_row: torch.Tensor | None) -> torch.Tensor:
        added = [] if adapter_of_row is None else [each for table in tables for each in table]
        return function(x, routes, adapter_of_row, *matrices, biases, added, *settings)

    rows = torch.tensor([[2], [0], [1], [1], [0], [2], [1], [0], [2]], dtype=torch.int32)
    plain, got = run(None), run(rows)
    for adapter in (0, 1, 2):
        own = rows[:, 0] == adapter
        if adapter == 0:
            assert torch.equal(got[own], plain[own])
            continue
        gate, up, down = (with_adapter(s, t, adapter) for s, t in zip(stacks, tables, strict=True))
        want = expected(x[own], routes[own], (gate, up, down), biases, "silu", 0.0)
        assert (got[own].double() - want).norm() / want.norm() < 1e-6


def test_what_is_not_supported_is_refused_by_its_name() -> None:
    stack = torch.empty(EXPERTS, 4, 4, device="meta")
    x = torch.empty(2, 4, device="meta")
    with pytest.raises(RuntimeError, match="no activation 'mish'; known: silu"):
        experts(
            x,
            x,
            None,
            stack,
            stack,
            stack,
            [None] * 3,
            [],
            ["float32"] * 3,
            [False] * 3,
            6,
            4,
            "mish",
            0,
            False,
        )
