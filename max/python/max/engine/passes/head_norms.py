"""The pass that norms heads on their way into the cache, on a GPU.

q = rms_norm(heads of q, ..)
k = rms_norm(heads of k, ..)         ->    norm_rope_store_ragged(q, k, v, ..)
rope_store_ragged(q, k, v, ..)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import fx

from max.engine.replay.segments import is_view
from max.graph.ops.control import has_effect
from max.kernels.torch_ops import facts_of


def join_head_norms(graph: fx.Graph) -> None:
    """Joins norms of heads with what reads these alone (`OpFacts.with_norms`), on accelerators.

    Args:
        graph: changed in place. What a node gives is in its `meta["val"]`.
    """
    for node in list(graph.nodes):
        with_norms = facts_of(node.target).with_norms
        result = node.meta.get("val")
        if with_norms is None or node.kwargs or not isinstance(result, torch.Tensor):
            continue
        if result.device.type == "cpu":
            continue
        found = [_norm_of(each) for each in node.args[:2]]
        normed = [each for each in found if each is not None]
        if len(normed) < len(found):
            continue
        call = with_norms([n.rest for n in normed], *(n.given for n in normed), *node.args[2:])
        if call is None:
            continue
        with graph.inserting_before(node):
            joined = graph.call_function(call.op, call.args)
        joined.meta.update(node.meta)
        node.replace_all_uses_with(joined)
        graph.erase_node(node)
    graph.eliminate_dead_code(is_impure_node=has_effect)


class _Norm(NamedTuple):
    """A norm of heads that stand side by side in rows.

    Attributes:
        given: the rows.
        rest: what the norm takes beside them.
    """

    given: fx.Node
    rest: Sequence[object]


def _norm_of(rows: object) -> _Norm | None:
    """What norms the heads of rows that nobody else reads; None if nothing does."""
    norm = _viewed(rows)
    heads = None if norm is None or not facts_of(norm.target).norms_last_axis else norm.args[0]
    given = _viewed(heads)
    if norm is None or given is None:
        return None
    shapes = [_shape(each) for each in (rows, given, heads)]
    is_by_head = shapes[0] == shapes[1] and list(map(len, shapes)) == [2, 2, 3]
    if not is_by_head or shapes[1][0] != shapes[2][0] or len(norm.users) != 1:
        return None
    return _Norm(given, norm.args[1:])


def _viewed(node: object) -> fx.Node | None:
    """What a node is another shape of; None if it is none, or others read it too."""
    if not isinstance(node, fx.Node) or not is_view(node) or len(node.users) != 1:
        return None
    base = node.args[0]
    return base if isinstance(base, fx.Node) else None


def _shape(node: object) -> list[str]:
    """Sizes, of which some are symbols; none where they are not known."""
    result = node.meta.get("val") if isinstance(node, fx.Node) else None
    return list(map(str, result.shape)) if isinstance(result, torch.Tensor) else []
