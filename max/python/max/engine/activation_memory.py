"""How much memory the intermediate tensors of a compiled graph take at once.

A graph's code drops each tensor after its last use, so what it needs follows from the graph alone:

    node      x @ w1    relu      @ w2      + x
    alive     a         a b       b c       c d       (the inputs x, w1, w2 are not counted)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import fx
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.fx.node import Target
from torch.utils._pytree import tree_iter

from max.engine.model import Model


def peak_activation_bytes(model: Model, inputs: Sequence[torch.Tensor]) -> int:
    """The most bytes that intermediate tensors and outputs of one execution take together.

    The graph is run on tensors without elements. Exact for the tensors between the graph's nodes;
    what a node allocates within itself is not seen.

    Args:
        model: what would be executed.
        inputs: as `Model.execute` takes them. Large ones may be on the device "meta". Of the
            others the elements are read: sizes that depend on them are those of these inputs.
    """
    sizes = _StorageSizes(model.compiled.module)
    devices = [type.device.to_torch() for type in model.compiled.input_types]
    with sizes.fake_mode:
        given = [
            torch.empty_like(tensor, device=device) if tensor.is_meta else tensor
            for tensor, device in zip(inputs, devices, strict=True)
        ]
    extras = [sizes.fake_mode.from_tensor(tensor) for tensor in model.extras]
    with torch.no_grad():
        sizes.run(*given, *extras)
    return sizes.peak


class _StorageSizes(fx.Interpreter):
    """Runs a graph without elements and follows which of its tensors' storages are alive."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module, garbage_collect_values=False)
        self.fake_mode = FakeTensorMode(allow_non_fake_inputs=True)
        self.peak = 0
        self._alive = 0
        self._holders: Counter[int] = Counter()
        self._last_used_by = _last_uses(module.graph)

    def call_function(self, target: Target, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Computes elements only from elements: of small inputs, for the sizes that they decide."""
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

    def _hold(self, node: fx.Node, result: Any) -> None:
        for storage in _storages(result):
            key = storage._cdata
            # Inputs have a holder for ever: they are not ours to count.
            self._holders[key] += 1 + (node.op == "placeholder")
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
