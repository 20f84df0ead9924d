"""The pass that makes a sum and its norm one call on a GPU.

h = x + attended                     h, n = add_rms_norm(x, attended, weight, ..)
n = rms_norm(h, weight, ..)    ->
y = h + mlp(n)                       y = h + mlp(n)
"""

from __future__ import annotations

import operator

import torch
from torch import fx

from max.engine.replay.cpu import native_call
from max.kernels.facts import NativeCall
from max.kernels.torch_ops import facts_of


def join_sums(graph: fx.Graph) -> None:
    """Joins each sum of two tensors of one shape with the first op that has it joined
    (`OpFacts.of_sum`), where they are on an accelerator.

    Args:
        graph: changed in place. What a node gives is in its `meta["val"]`, where it is known: not
            of the rows of the last layer that `compute_needed_rows` has picked.
    """
    for node in list(graph.nodes):
        call = native_call(node)
        of_sum = None if call is None else facts_of(call.op).of_sum
        if call is None or of_sum is None:
            continue
        total, *rest = call.args
        others = [each for each in node.all_input_nodes if each is not total]
        # The joined call stands where the sum does: what it reads must be there already.
        if _is_sum_on_gpu(total) and all(each.op == "placeholder" for each in others):
            _join(graph, total, node, NativeCall(of_sum, (*total.args, *rest)))


def _is_sum_on_gpu(node: object) -> bool:
    if not isinstance(node, fx.Node) or not facts_of(node.target).is_sum or node.kwargs:
        return False
    tensors = [each.meta.get("val") if isinstance(each, fx.Node) else each for each in node.args]
    result = node.meta.get("val")
    return (
        isinstance(result, torch.Tensor)
        and result.device.type != "cpu"
        and all(
            isinstance(each, torch.Tensor) and each.dtype == result.dtype and _alike(each, result)
            for each in tensors
        )
    )


def _alike(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two shapes are known to be the same: sizes may be symbols."""
    return list(map(str, one.shape)) == list(map(str, other.shape))


def _join(graph: fx.Graph, total: fx.Node, node: fx.Node, call: NativeCall) -> None:
    with graph.inserting_before(total):
        both = graph.call_function(call.op, call.args)
        parts = [graph.call_function(operator.getitem, (both, i)) for i in (0, 1)]
    for part, old in zip(parts, (total, node), strict=True):
        part.meta.update(old.meta)
        old.replace_all_uses_with(part)
    graph.erase_node(node)
    graph.erase_node(total)
