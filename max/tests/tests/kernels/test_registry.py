"""Ops are defined with their facts, and their kernels are made when first needed."""

from __future__ import annotations

from functools import partial
from itertools import count

import torch

from max.kernels.facts import OpFacts
from max.kernels.recording import Record
from max.kernels.registry import Op, define_op, has_cpu_kernel, implement_on_cpu, make_cpu_kernels
from max.kernels.torch_ops import facts_of

_NUMBERS = count()


def make_op(facts: OpFacts) -> Op:
    """An op that doubles."""
    return define_op(
        f"doubled_{next(_NUMBERS)}(Tensor x) -> Tensor",
        reference=lambda x: 2 * x,
        fake=torch.empty_like,
        facts=facts,
    )


def test_facts_are_those_declared_with_the_op() -> None:
    facts = OpFacts(row_arguments=1)
    assert facts_of(make_op(facts)) is facts
    assert facts_of(torch.cumsum) == OpFacts()


def test_a_kernel_is_made_once_when_it_first_runs() -> None:
    made: list[str] = []

    def make_record() -> Record | None:
        made.append("record")
        return None

    op = make_op(OpFacts())
    implement_on_cpu(op, make_record, reference=lambda x: 2 * x)
    assert has_cpu_kernel(op) and made == []
    for _ in range(2):
        # The kernel cannot be had: the reference stays.
        assert op(torch.ones(2)).tolist() == [2.0, 2.0]
    assert made == ["record"]


def test_kernels_of_a_graph_are_made_together() -> None:
    made: list[int] = []
    ops = [make_op(OpFacts()) for _ in range(3)]
    for number, op in enumerate(ops):
        implement_on_cpu(op, partial(made.append, number), reference=lambda x: x)
    make_cpu_kernels([*ops[:2], ops[0], torch.cumsum])
    assert sorted(made) == [0, 1]
