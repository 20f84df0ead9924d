"""Finds the parts of a graph that native kernels cover."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import fx

from max.kernels.facts import NativeCall
from max.kernels.recording import Record
from max.kernels.registry import record_of
from max.kernels.torch_ops import facts_of


@dataclass(frozen=True)
class Segment:
    """Consecutive nodes of a graph that one program can run.

    Attributes:
        nodes: kernels, and the `getitem`s that take their results apart.
        inputs: nodes before it that it reads.
        outputs: those of its nodes that others read.
    """

    nodes: Sequence[fx.Node]
    inputs: Sequence[fx.Node]
    outputs: Sequence[fx.Node]


def find_segments(graph: fx.Graph) -> list[Segment]:
    """The longest runs of nodes that native kernels cover, of at least two kernels each."""
    runs = [list(nodes) for native, nodes in groupby(graph.nodes, is_native) if native]
    return [_segment(run) for run in runs if sum(not _is_part(node) for node in run) > 1]


def native_call(node: fx.Node) -> NativeCall | None:
    """The call of an op of ours that a node is, or that computes the same; None for none."""
    if node.op != "call_function" or node.kwargs:
        return None
    native = facts_of(node.target).native
    return NativeCall(node.target, node.args) if native is None else native(*node.args)


def kernel_of(node: fx.Node) -> Record | None:
    """What records a node's native call; None if no kernel does."""
    call = native_call(node)
    return None if call is None else record_of(call.op)


def is_native(node: fx.Node) -> bool:
    """Whether a program can hold a node."""
    return kernel_of(node) is not None or _is_part(node)


def _is_part(node: fx.Node) -> bool:
    """Whether a node is one of the results of a kernel that has several."""
    if node.target is not operator.getitem or not isinstance(node.args[1], int):
        return False
    whole = node.args[0]
    return isinstance(whole, fx.Node) and kernel_of(whole) is not None


def written_inputs(segment: Segment) -> set[fx.Node]:
    """The inputs whose elements the segment's kernels change."""
    return {
        value
        for node in segment.nodes
        if isinstance(node.target, torch._ops.OpOverload)
        for argument, value in zip(node.target._schema.arguments, node.args, strict=False)
        if argument.is_write and isinstance(value, fx.Node)
    }


def _segment(nodes: Sequence[fx.Node]) -> Segment:
    inside = set(nodes)
    return Segment(
        nodes,
        inputs=list(dict.fromkeys(_outside(nodes, inside))),
        outputs=[node for node in nodes if not inside.issuperset(node.users)],
    )


def _outside(nodes: Sequence[fx.Node], inside: set[fx.Node]) -> Iterator[fx.Node]:
    for node in nodes:
        yield from (used for used in node.all_input_nodes if used not in inside)
