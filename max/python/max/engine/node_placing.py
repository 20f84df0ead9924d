"""Weights of a model on the NUMA nodes whose threads read them; nothing of it on one node."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

import torch

from max.driver.host_nodes import node_cpus
from max.engine.model import CompiledModel
from max.kernels.thread_pool.placing import JobPart, room_on_nodes
from max.kernels.torch_ops import facts_of

logger = logging.getLogger("max.engine")


def parts_of_jobs(compiled: CompiledModel) -> dict[str, JobPart]:
    """What the weights in layouts are of the jobs that read them, by name (`OpFacts.shared_out`).

    What several jobs read is placed for the first one.
    """
    placeholders = compiled.module.graph.find_nodes(op="placeholder")
    names = dict(zip(placeholders[len(compiled.input_types) :], compiled.extra_names, strict=True))
    parts: dict[str, JobPart] = {}
    for node in compiled.module.graph.nodes:
        if (argument := facts_of(node.target).shared_out) is None:
            continue
        read = [names.get(weight) for weight in node.args[argument]]
        rows = [int(compiled.weights[name].shape[0]) if name else 0 for name in read]
        begin = 0
        for name, count in zip(read, rows, strict=True):
            if name and count:
                parts.setdefault(name, JobPart(begin / sum(rows), (begin + count) / sum(rows)))
            begin += count
    return parts


def copied_to_nodes(
    compiled: CompiledModel, mapped: Mapping[str, torch.Tensor]
) -> Mapping[str, torch.Tensor]:
    """Weights of a mapped file, whose pages are where the system read them to: on several nodes a
    copy of those in layouts, with a line of log, on one node as they are.
    """
    nodes = node_cpus()
    if len(nodes) == 1:
        return mapped
    began, parts = time.monotonic(), parts_of_jobs(compiled)
    copies = {
        name: room_on_nodes(mapped[name].nbytes, parts.get(name, JobPart()), mapped[name])
        for name in compiled.layouts
    }
    logger.info(
        "copied %.1f GB of weights to the %d NUMA nodes that read them, in %.1f s",
        sum(copy.nbytes for copy in copies.values()) / 1e9,
        len(nodes),
        time.monotonic() - began,
    )
    return {**mapped, **copies}
