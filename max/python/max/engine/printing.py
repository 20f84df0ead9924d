"""Binds the printing nodes of compiled code to the printer of a session."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import fx

from max.graph.ops.control import ControlFlow
from max.graph.ops.debug import print_tensor

Printer = Callable[[torch.Tensor, str], None]


def with_printer(module: fx.GraphModule, printer: Printer) -> fx.GraphModule:
    """The module with its printing nodes calling `printer`; itself when it has none."""
    if not _prints(module):
        return module
    graph = fx.Graph()
    graph.output(graph.graph_copy(module.graph, {}))
    for node in graph.nodes:
        if node.target is print_tensor:
            node.target = printer
        elif isinstance(node.target, ControlFlow):
            regions = [with_printer(r, printer) for r in node.target.regions]
            node.target = type(node.target)(*regions)
    return fx.GraphModule(module, graph, class_name=type(module).__name__)


def _prints(module: fx.GraphModule) -> bool:
    return any(
        n.target is print_tensor
        or (isinstance(n.target, ControlFlow) and any(map(_prints, n.target.regions)))
        for n in module.graph.nodes
    )
