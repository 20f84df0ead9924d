"""The recorders of captured graphs: CUDA's, and one of calls of torch, which runs anywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from max.engine.replay.captures import Recorded, Recorder
from max.graph import DeviceRef, TensorType
from max.graph.ops.control import ControlFlow
from max.graph.ops.debug import print_tensor
from max.kernels.registry import facts_of_op, runs_on_gpu


def recorder_for(device: DeviceRef) -> Recorder | None:
    """What captures the work of a device; None for the host, whose backend records segments."""
    return None if device.is_cpu() else CudaGraphs(torch.device(device.to_torch()))


def can_be_captured(graph: fx.Graph, input_types: Sequence[TensorType]) -> bool:
    """Whether all work of a graph stays on the device of its first input, and Python decides
    nothing: no control flow, nothing is printed, no input of another device is read.

    On a GPU each op of ours needs its kernel: a reference may ask the device for numbers.
    """
    placeholders = graph.find_nodes(op="placeholder")[: len(input_types)]
    stays = all(
        type.device == input_types[0].device or not node.users
        for node, type in zip(placeholders, input_types, strict=True)
    )
    if input_types[0].device.is_gpu() and not all(map(_runs_on_gpu, graph.nodes)):
        return False
    return stays and not any(
        isinstance(node.target, ControlFlow) or node.target is print_tensor for node in graph.nodes
    )


def _runs_on_gpu(node: fx.Node) -> bool:
    if facts_of_op(node.target) is None:
        return True
    arguments = fx.map_arg(node.args, lambda used: used.meta.get("val"))
    return runs_on_gpu(node.target, arguments)


class CudaGraphs:
    """Records CUDA graphs (HIP's on AMD's devices), all in one pool of memory."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool: Any = None

    def record(self, work: Callable[[], Sequence[torch.Tensor]]) -> Recorded:
        """See `Recorder`. The first run, on a stream of its own, compiles and chooses kernels."""
        with torch.cuda.device(self._device):
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                work()
            torch.cuda.current_stream().wait_stream(aside)
            torch.cuda.synchronize()
            self._pool = self._pool or torch.cuda.graph_pool_handle()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self._pool):
                outputs = work()
        return Recorded(graph.replay, outputs)


class TorchCalls:
    """Records the calls of torch's operators, and repeats them on the same memory.

    What it cannot see is what a captured graph does not have either: decisions of Python, numbers
    that were read from tensors, memory that is made for each call.
    """

    def record(self, work: Callable[[], Sequence[torch.Tensor]]) -> Recorded:
        """See `Recorder`."""
        calls: list[_Call] = []
        with _Listener(calls):
            outputs = work()

        def run() -> None:
            for call in calls:
                call.repeat()

        return Recorded(run, outputs)


class _Call:
    """A call of an operator, and the tensors that it gave."""

    def __init__(self, operator: Any, args: Any, options: Any, given: Any) -> None:
        self._operator, self._args, self._options = operator, args, options
        inputs = {_address(x) for x in tree_leaves((args, options)) if isinstance(x, torch.Tensor)}
        # What shares memory with an input is a view of it, or was written in place.
        self._made = [
            (place, x)
            for place, x in enumerate(tree_leaves(given))
            if isinstance(x, torch.Tensor) and x.numel() and _address(x) not in inputs
        ]

    def repeat(self) -> None:
        results = tree_leaves(self._operator(*self._args, **self._options))
        for place, made in self._made:
            made.copy_(results[place])


class _Listener(TorchDispatchMode):
    def __init__(self, calls: list[_Call]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._calls = calls

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        options = kwargs or {}
        given = func(*args, **options)
        self._calls.append(_Call(func, args, options, given))
        return given


def _address(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
