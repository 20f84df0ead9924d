"""Adapters of experts' matrices, as PEFT has them of stacked parameters or of single modules."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from max.pipelines.lora.errors import AdapterError
from max.pipelines.lora.peft_config import PeftConfig
from max.pipelines.lora.peft_layer import PeftLayer

# PEFT wraps a module once for each of its parameters: the first of these is the innermost.
_PARAMETERS = ("gate_up_proj", "down_proj")
_WRAPPED = re.compile(r"(?P<module>.*\.experts)(?P<inner>(\.base_layer)*)")
_NUMBERED = re.compile(r"(?P<module>.*\.experts)\.(?P<number>\d+)\.(?P<matrix>\w+)")


def stack_expert_layers(
    layers: Mapping[str, PeftLayer], config: PeftConfig
) -> dict[str, PeftLayer]:
    """The layers, those of experts by the names of their stacks: `model.layers.0.mlp.experts.*`.

    Raises:
        AdapterError: if those contradict each other, or ask for what is not computed.
    """
    found: dict[str, PeftLayer] = {}
    singles: dict[str, dict[int, PeftLayer]] = {}
    for name, layer in layers.items():
        if wrapped := _WRAPPED.fullmatch(name):
            depth = wrapped["inner"].count(".base_layer")
            stack = f"{wrapped['module']}.{_parameter(wrapped['module'], depth, config)}"
            found[stack] = _of_parameter(stack, layer, config)
        elif single := _NUMBERED.fullmatch(name):
            stack = f"{single['module']}.{single['matrix']}"
            singles.setdefault(stack, {})[int(single["number"])] = layer
        else:
            found[name] = layer
    return {**found, **{name: _stacked(name, each) for name, each in singles.items()}}


def _parameter(module: str, depth: int, config: PeftConfig) -> str:
    """Which of a module's parameters is the one so many layers below the outermost."""
    targets = [t for t in config.target_parameters if f".{module}".endswith(_module_of(t))]
    names = [target.rpartition(".")[2] for target in targets]
    if unknown := sorted(set(names) - set(_PARAMETERS)):
        raise AdapterError(
            f"its target_parameters name '{unknown[0]}' of '{module}'; of experts "
            f"{' and '.join(_PARAMETERS)} are served"
        )
    wrapped = [name for name in _PARAMETERS if name in names]
    if depth >= len(wrapped):
        raise AdapterError(
            f"its target_parameters are {list(config.target_parameters)}, which does not tell of "
            f"what parameter of '{module}' its tensors are"
        )
    return wrapped[-1 - depth]


def _module_of(target: str) -> str:
    """What the name of a target's module ends with."""
    module = target.rpartition(".")[0]
    return f".{module}" if module else ""


def _of_parameter(name: str, layer: PeftLayer, config: PeftConfig) -> PeftLayer:
    """A [experts * rank, inputs] and B [outputs, rank * experts] as stacks."""
    a, b = _product_of(name, layer)
    rank = config.rank_of(name)
    if len(a) % rank or len(a) != b.shape[1]:
        raise AdapterError(
            f"lora_A of '{name}' is {list(a.shape)} and lora_B {list(b.shape)}, but the rank of "
            f"that parameter is {rank} in adapter_config.json"
        )
    return replace(
        layer,
        a=a.unflatten(0, (-1, rank)),
        b=b.unflatten(1, (rank, -1)).permute(2, 0, 1),
        scale=config.scale_of(name),
    )


def _stacked(name: str, parts: Mapping[int, PeftLayer]) -> PeftLayer:
    """The layers of all experts as one."""
    if missing := sorted(set(range(max(parts) + 1)) - parts.keys()):
        raise AdapterError(f"it has no tensors for '{name}' of the experts {missing}, only others")
    ordered = [parts[number] for number in range(len(parts))]
    products = [_product_of(name, layer) for layer in ordered]
    if len({layer.scale for layer in ordered}) > 1:
        raise AdapterError(f"the scales of '{name}' differ between experts, which is not supported")
    return replace(
        ordered[0],
        a=_stack(name, [a for a, _ in products]),
        b=_stack(name, [b for _, b in products]),
    )


def _stack(name: str, parts: Sequence[torch.Tensor]) -> torch.Tensor:
    if len({part.shape for part in parts}) > 1:
        raise AdapterError(f"the shapes of '{name}' differ between experts, which is not supported")
    return torch.stack(list(parts))


def _product_of(name: str, layer: PeftLayer) -> tuple[torch.Tensor, torch.Tensor]:
    """A and B of a layer that has nothing else."""
    others = (layer.b_bias, layer.magnitude, layer.bias, layer.weight)
    if layer.a is None or layer.b is None or any(each is not None for each in others):
        raise AdapterError(
            f"of '{name}' it has not just lora_A and lora_B; of experts nothing else is supported "
            "(use_dora, lora_bias, modules_to_save): merge it into the model"
        )
    return layer.a, layer.b
