"""How much memory one execution of a model takes beside its inputs and weights.

A graph's code drops each tensor after its last use, so what it needs follows from the graph alone:

    node      x @ w1    relu      @ w2      + x
    alive     a         a b       b c       c d       (the inputs x, w1, w2 are not counted)

Segments that are replayed work in one region of memory, which stays. How large it must be, the
recording itself says, made of tensors without elements.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import fx
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.fx.node import Target
from torch.utils._pytree import tree_iter, tree_map

from max.engine.model import Model
from max.engine.replay import Refused, SegmentRunner
from max.graph.ops.control import Branches, ControlFlow


def peak_activation_bytes(model: Model, inputs: Sequence[torch.Tensor]) -> int:
    """The most bytes that intermediate tensors and outputs of one execution take together.

    The graph is run on tensors without elements. Exact for the tensors between the graph's nodes
    and for replayed segments; what a node that is not replayed allocates within itself is not seen.
    The model's memory for replays becomes as large as this execution needs it.

    Args:
        model: what would be executed.
        inputs: as `Model.execute` takes them. Large ones may be on the device "meta". Of the
            others the elements are read: sizes that depend on them are those of these inputs.
    """
    devices = [type.device.to_torch() for type in model.compiled.input_types]
    while True:
        sizes = _StorageSizes(model.replayed.lowered, FakeTensorMode(allow_non_fake_inputs=True))
        with sizes.fake_mode:
            given = [
                torch.empty(tensor.shape, dtype=tensor.dtype, device=device)
                if tensor.is_meta
                else tensor
                for tensor, device in zip(inputs, devices, strict=True)
            ]
        try:
            with torch.no_grad():
                sizes.run(*given)
        except Refused as refused:
            model.replayed.refuse(refused.node)
            continue
        model.replayed.reserve(sizes.replayed)
        return sizes.replayed + sizes.peak


class _StorageSizes(fx.Interpreter):
    """Runs a graph without elements and follows which of its tensors' storages are alive.

    Attributes:
        peak: the most bytes that were alive at once.
        replayed: the most bytes that a replayed segment works in.
    """

    def __init__(self, module: fx.GraphModule, fake_mode: FakeTensorMode) -> None:
        super().__init__(module, garbage_collect_values=False)
        self.fake_mode = fake_mode
        self.peak = 0
        self.replayed = 0
        self._alive = 0
        self._holders: Counter[int] = Counter()
        self._last_used_by = _last_uses(module.graph)

    def get_attr(self, target: Target, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A weight."""
        return self.fake_mode.from_tensor(super().get_attr(target, args, kwargs))

    def call_function(self, target: Target, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Computes elements only from elements: of small inputs, for the sizes that they decide."""
        if isinstance(target, ControlFlow):
            return self._any_region(target, *args)
        runner = getattr(target, "__self__", None)
        if isinstance(runner, SegmentRunner):
            return self._replay(runner, args)
        if not any(isinstance(leaf, FakeTensor) for leaf in tree_iter((args, kwargs))):
            return super().call_function(target, args, kwargs)
        with self.fake_mode:
            return super().call_function(target, args, kwargs)

    def run_node(self, n: fx.Node) -> Any:
        """Runs a node; its result takes memory, and what it was the last to use takes none."""
        result = super().run_node(n)
        self.env[n] = result
        if n.op != "output":
            self._hold(n, result)
        for node in self._last_used_by.get(n, ()):
            self._drop(self.env[node])
        return result

    def _replay(self, runner: SegmentRunner, inputs: Sequence[Any]) -> Any:
        plan = runner.plan(*inputs)
        self.replayed = max(self.replayed, plan.nbytes)
        return self._like(plan.outputs)

    def _any_region(self, flow: ControlFlow, first: Any, *captured: Sequence[Any]) -> Any:
        """Runs all regions, since elements choose; the largest counts."""
        variables = () if isinstance(flow, Branches) else self._like(first)
        peaks, results = [], ()
        for region, given in zip(flow.regions, captured, strict=True):
            inner = _StorageSizes(region, self.fake_mode)
            results = inner.run(*variables, *self._like(given))
            peaks.append(inner.peak)
        # The variables of a loop's last round are there while the next are computed.
        kept = sum(storage.nbytes() for storage in _storages(variables))
        self.peak = max(self.peak, self._alive + kept + max(peaks))
        return results

    def _like(self, values: Any) -> Any:
        """Tensors without elements, like those of nested lists."""
        with self.fake_mode:
            return tree_map(
                lambda x: (
                    torch.empty(x.shape, dtype=x.dtype, device="cpu" if x.is_meta else x.device)
                    if isinstance(x, torch.Tensor)
                    else x
                ),
                values,
            )

    def _hold(self, node: fx.Node, result: Any) -> None:
        for storage in _storages(result):
            key = storage._cdata
            # Inputs and weights have a holder for ever: they are not ours to count.
            self._holders[key] += 1 + (node.op in ("placeholder", "get_attr"))
            if self._holders[key] == 1:
                self._alive += storage.nbytes()
        self.peak = max(self.peak, self._alive)

    def _drop(self, result: Any) -> None:
        for storage in _storages(result):
            self._holders[storage._cdata] -= 1
            if self._holders[storage._cdata] == 0:
                self._alive -= storage.nbytes()


def _storages(result: Any) -> Iterator[torch.UntypedStorage]:
    """The memory of a node's tensors, each once; views share it."""
    tensors: Iterable[Any] = tree_iter(result)
    found = {
        storage._cdata: storage
        for tensor in tensors
        if isinstance(tensor, torch.Tensor)
        for storage in [tensor.untyped_storage()]
    }
    yield from found.values()


def _last_uses(graph: fx.Graph) -> dict[fx.Node, list[fx.Node]]:
    """The nodes whose results each node is the last to use; its own if nobody uses that."""
    last: dict[fx.Node, fx.Node] = {}
    for node in graph.nodes:
        last[node] = node
        for used in node.all_input_nodes:
            last[used] = node
    uses: dict[fx.Node, list[fx.Node]] = {}
    for used, node in last.items():
        if node.op != "output":
            uses.setdefault(node, []).append(used)
    return uses
