"""Finds the parts of a graph that a backend can hold.

a ── matmul ── view ── add ── cumsum ── mul ── add ── out
     └────── segment ─────┘    cut      └─ segment ─┘
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import torch
from torch import fx

from max.kernels.torch_ops import facts_of


@dataclass(frozen=True)
class Segment:
    """Consecutive nodes of a graph that are recorded as a whole.

    Attributes:
        nodes: operations, and views of what they read and give.
        constants: the weights and constants among what it reads.
        inputs: the other nodes before it that it reads.
        buffers: those of the inputs that are used where they lie: they are written, or too large
            to be copied (caches).
        outputs: those of its nodes that others read, unless they are views of what it reads.
    """

    nodes: Sequence[fx.Node]
    constants: Mapping[fx.Node, torch.Tensor]
    inputs: Sequence[fx.Node]
    buffers: frozenset[fx.Node]
    outputs: Sequence[fx.Node]

    @cached_property
    def last_used_by(self) -> Mapping[fx.Node, Sequence[fx.Node]]:
        """The nodes whose values each node is the last to use; its own if nobody uses that."""
        last: dict[fx.Node, fx.Node] = {}
        for node in self.nodes:
            last[node] = node
            last.update(dict.fromkeys(node.all_input_nodes, node))
        uses: dict[fx.Node, list[fx.Node]] = {}
        for used in last.keys() - set(self.outputs):
            uses.setdefault(last[used], []).append(used)
        return uses


def find_segments(
    graph: fx.Graph,
    can_hold: Callable[[fx.Node], bool],
    constants: Mapping[fx.Node, torch.Tensor],
    buffers: frozenset[fx.Node],
) -> list[Segment]:
    """The longest runs of nodes that can be held, of at least two that are no views.

    Args:
        graph: of a compiled model.
        can_hold: of the backend.
        constants: placeholders whose tensors are known and stay where they are.
        buffers: placeholders that stand for memory of the caller (`buffers_of`).
    """
    runs = [list(nodes) for can, nodes in groupby(graph.nodes, can_hold) if can]
    return [
        _segment(run, constants, buffers)
        for run in runs
        if sum(not is_view(node) for node in run) > 1
    ]


def buffers_of(graph: fx.Graph, declared: frozenset[fx.Node]) -> frozenset[fx.Node]:
    """The placeholders that stand for memory of the caller.

    Args:
        graph: of a compiled model.
        declared: those that are inputs of a `BufferType`; what a node writes to is one too.
    """
    return declared | {base_of(written) for node in graph.nodes for written in written_by(node)}


def written_by(node: fx.Node) -> Iterator[fx.Node]:
    """The arguments whose elements a node changes."""
    if isinstance(node.target, torch._ops.OpOverload):
        for argument, value in zip(node.target._schema.arguments, node.args, strict=False):
            if argument.is_write and isinstance(value, fx.Node):
                yield value


def base_of(node: fx.Node) -> fx.Node:
    """What a node is a view of; itself if it is none."""
    while is_view(node) and not is_number(node):
        base = node.args[0]
        assert isinstance(base, fx.Node)
        node = base
    return node


def is_view(node: fx.Node) -> bool:
    """Whether a node gives memory of its first argument, or a number that shapes tell."""
    if is_number(node):
        return True
    if node.op != "call_function" or not facts_of(node.target).is_view:
        return False
    base, *others = node.all_input_nodes
    return base is node.args[0] and all(is_number(other) for other in others)


def is_part(node: fx.Node) -> bool:
    """Whether a node is one of several results of another."""
    whole = node.args[0] if node.target is operator.getitem else None
    return isinstance(whole, fx.Node) and whole.op == "call_function" and "val" not in whole.meta


def is_number(node: fx.Node) -> bool:
    """Whether a node gives a number: a size, or what is computed of sizes alone."""
    if node.op != "call_function":
        return False
    if isinstance(node.target, torch._ops.OpOverload):
        returns = node.target._schema.returns
        return len(returns) == 1 and str(returns[0].type) in ("SymInt", "int")
    operands = node.all_input_nodes
    return bool(operands) and "val" not in node.meta and all(map(is_number, operands))


def _segment(
    nodes: Sequence[fx.Node],
    constants: Mapping[fx.Node, torch.Tensor],
    buffers: frozenset[fx.Node],
) -> Segment:
    inside = set(nodes)
    read = dict.fromkeys(used for node in nodes for used in node.all_input_nodes)
    inputs = [node for node in read if node not in inside and node not in constants]
    written = {base_of(value) for node in nodes for value in written_by(node)}
    outside: set[fx.Node] = set()  # views of what the segment reads, which others have without it
    for node in nodes:
        if is_view(node) and all(n not in inside or n in outside for n in node.all_input_nodes):
            outside.add(node)
    return Segment(
        nodes,
        constants={node: constants[node] for node in read if node in constants},
        inputs=inputs,
        buffers=frozenset(n for n in inputs if base_of(n) in buffers or n in written),
        outputs=[n for n in nodes if n not in outside and not inside.issuperset(n.users)],
    )
