"""The inference session: where graphs become models."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import fx

from max.driver import CPU, Device
from max.engine.debug_print import DebugPrinter, PrintStyle
from max.engine.model import CompiledModel, Model
from max.engine.packed import PackedWeights
from max.engine.passes.head_norms import join_head_norms
from max.engine.passes.joining import join_calls
from max.engine.passes.layouts import use_layouts
from max.engine.passes.needed_rows import compute_needed_rows
from max.engine.passes.sums import join_sums
from max.engine.printing import Printer
from max.engine.replay import CpuBackend, Profiler, ReplayedGraph
from max.engine.replay.backend import Backend
from max.engine.replay.captures import Captures
from max.engine.replay.cpu import native_call
from max.engine.replay.recorders import can_be_captured, recorder_for
from max.engine.weights import place_weights
from max.graph import BufferType, DeviceRef, Graph
from max.graph.ops.control import has_effect
from max.kernels.registry import make_cpu_kernels
from max.kernels.thread_pool import set_num_threads


def ignore_phase(phase: str) -> None:
    """An `on_phase` for whoever does not watch."""


class InferenceSession:
    """Compiles graphs for some devices, and gives them their weights.

    Args:
        devices: the devices that its models may use; the host is always one of them.
        num_threads: threads of this process's CPU kernels; unless given, one per core that it may
            use, or what an earlier session has set.
        on_phase: told what begins: "compile", "place weights".
        packed: where its models' weights are, or are kept, as kernels read them.
    """

    def __init__(
        self,
        devices: Iterable[Device] = (),
        num_threads: int | None = None,
        on_phase: Callable[[str], None] = ignore_phase,
        packed: PackedWeights | None = None,
    ) -> None:
        self.devices = list(dict.fromkeys([*devices, CPU()]))
        self.printer: Printer = DebugPrinter()
        self.profiler = Profiler()
        self._on_phase = on_phase
        self._packed = packed
        if packed is not None:
            packed.begin()
        if num_threads is not None:
            set_num_threads(num_threads)

    def compile(self, graph: Graph) -> CompiledModel:
        """Turns a graph into code.

        Raises:
            ValueError: if the graph has no outputs, or names a device that the session lacks.
        """
        self._on_phase("compile")
        if graph.output_types is None:
            raise ValueError(f"graph '{graph.name}' has no outputs: call graph.output(...) first")
        self._check_devices(graph)
        graph.fx.eliminate_dead_code(is_impure_node=has_effect)
        graph.fx.lint()
        names = [n.meta["name"] for n in graph.fx.nodes if n.op == "placeholder"]
        code = fx.Graph()
        code.output(code.graph_copy(graph.fx, {}))
        compute_needed_rows(code)
        layouts = use_layouts(code, graph.weights)
        join_sums(code)
        join_head_norms(code)
        join_calls(code)
        return CompiledModel(
            name=graph.name,
            module=fx.GraphModule({}, code, class_name=_class_name(graph.name)),
            input_types=graph.input_types,
            output_types=graph.output_types,
            weights=dict(graph.weights),
            layouts=layouts,
            constants=dict(graph.constants),
            extra_names=names[len(graph.input_types) :],
        )

    def init(
        self, compiled: CompiledModel, *, weights_registry: Mapping[str, Any] | None = None
    ) -> Model:
        """Gives a compiled model its weights and makes it runnable.

        Args:
            compiled: from `compile`.
            weights_registry: array of any library (or WeightData, Buffer) by the weight's name.
                Weights of linear layers on the host are copied into a layout of the kernels; all
                others there are used where they lie.

        Raises:
            ValueError: if weights are missing, or have other shapes or dtypes than declared; all
                of them are named.
        """
        self._on_phase("place weights")
        place = partial(place_weights, compiled, weights_registry or {})
        placed = self._packed.mapped_or(compiled, place) if self._packed else place()
        weights = {**compiled.constants, **placed}
        recorder = recorder_for(_main_device(compiled))
        backend = CpuBackend() if recorder is None and _is_on_host(compiled) else None
        replayed = self._replayed(compiled, weights, backend)
        captures = None
        if recorder is not None and can_be_captured(compiled.module.graph, compiled.input_types):
            inputs = compiled.module.graph.find_nodes(op="placeholder")[: len(compiled.input_types)]
            is_buffer = [node.name in replayed.buffers for node in inputs]
            captures = Captures(replayed, is_buffer, recorder)
        return Model(compiled, weights, replayed, captures)

    def load(self, model: Graph, *, weights_registry: Mapping[str, Any] | None = None) -> Model:
        """`compile` and `init` in one."""
        return self.init(self.compile(model), weights_registry=weights_registry)

    def set_debug_print_options(
        self,
        style: str | PrintStyle = PrintStyle.COMPACT,
        precision: int = 6,
        output_directory: str | os.PathLike[str] | None = None,
    ) -> None:
        """Says how tensors that graphs print are shown (see `DebugPrinter`)."""
        directory = None if output_directory is None else Path(output_directory)
        self.printer = DebugPrinter(PrintStyle(style), precision, directory)

    def _replayed(
        self,
        compiled: CompiledModel,
        weights: Mapping[str, torch.Tensor],
        backend: Backend | None,
    ) -> ReplayedGraph:
        """The code with its weights: what the host's kernels cover recorded, where all is there."""
        graph = compiled.module.graph
        make_cpu_kernels(call.op for call in map(native_call, graph.nodes) if call is not None)
        placeholders = [node.name for node in graph.find_nodes(op="placeholder")]
        inputs = zip(placeholders, compiled.input_types, strict=False)
        extras = placeholders[len(compiled.input_types) :]
        return ReplayedGraph(
            compiled.module,
            {n: weights[name] for n, name in zip(extras, compiled.extra_names, strict=True)},
            frozenset(name for name, type in inputs if isinstance(type, BufferType)),
            backend,
            self.profiler,
            self._print,
        )

    def _print(self, tensor: torch.Tensor, label: str) -> None:
        self.printer(tensor, label)

    def _check_devices(self, graph: Graph) -> None:
        used = {t.device for t in graph.input_types} | {w.device for w in graph.weights.values()}
        have = {(d.label, d.id) for d in self.devices}
        for device in used:
            if (device.device_type, device.id) not in have:
                raise ValueError(
                    f"graph '{graph.name}' uses {device}, which the session lacks; it has "
                    f"{', '.join(map(str, self.devices))}: InferenceSession(devices=[...])"
                )

    def __repr__(self) -> str:
        return f"InferenceSession(devices={self.devices})"


def _main_device(compiled: CompiledModel) -> DeviceRef:
    """Where the model's first input is: that of its work."""
    types = compiled.input_types
    return types[0].device if types else DeviceRef.CPU()


def _is_on_host(compiled: CompiledModel) -> bool:
    types = [*compiled.input_types, *(weight.type for weight in compiled.weights.values())]
    return all(type.device.is_cpu() for type in types)


def _class_name(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name.title()) or "Graph"
