"""Which module of PyTorch's model computes what a layer of ours computes.

A layer is known by where its weight comes from: the weight adapter keeps the checkpoint's name, and
rows of a stacked weight are found by their content. A layer without weights is the smallest module
that holds the modules of all layers in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from max.engine.weights import tensor_of
from max.graph.weights import WeightData


@dataclass(frozen=True)
class Counterpart:
    """A module of PyTorch's model.

    Attributes:
        path: its name.
        columns: which of the elements that it gives are the layer's; None for all in order.
        gives_more: whether it computes something of what the layer gives, which nobody sees.
    """

    path: str
    columns: torch.Tensor | None = None
    gives_more: bool = False


def pair_layers(
    weights: Mapping[str, Any], paths: Iterable[str], torch_model: torch.nn.Module
) -> dict[str, Counterpart]:
    """The counterparts of layers.

    Args:
        weights: our state dict.
        paths: of the layers.
        torch_model: transformers' model.

    Returns:
        By path; layers without one are left out.
    """
    modules = dict(torch_model.named_modules())
    pairs: dict[str, Counterpart] = {}
    for name, value in weights.items():
        layer, _, attribute = name.rpartition(".")
        if attribute == "weight" and (found := _of_weight(layer, value, modules)) is not None:
            pairs[layer] = found
    if "lm_head" not in pairs and "lm_head" in modules:
        pairs["lm_head"] = Counterpart("lm_head")  # tied
    alone = {name.rpartition(".")[0] for name in weights} - pairs.keys()
    return {**pairs, **_containers(pairs, paths, alone)}


def _of_weight(layer: str, value: Any, modules: Mapping[str, Any]) -> Counterpart | None:
    stored = value.name.removesuffix(".weight") if isinstance(value, WeightData) else layer
    path = _find(stored, modules) or _find(layer, modules)
    if path is None:
        return None
    if _computes_more(modules[path]):
        return Counterpart(path, gives_more=True)
    weight = getattr(modules[path], "weight", None)
    if weight is None:
        return Counterpart(path)
    ours = tensor_of(value)
    if weight.ndim < 2:  # of several norms in one of ours each has a part
        return Counterpart(path) if ours.numel() == weight.numel() else None
    if not ours.is_floating_point() or ours.shape == weight.shape:
        return Counterpart(path)
    theirs = weight.detach() if ours.shape[1] == weight.shape[1] else weight.detach().T
    if ours.shape[1] != theirs.shape[1]:
        return None
    if ours.shape == theirs.shape:  # GPT-2's layers keep their weights transposed
        return Counterpart(path)
    columns = _rows_of(ours, theirs)
    return None if columns is None else Counterpart(path, columns)


def _computes_more(module: Any) -> bool:
    """Whether a module is a product or a table, and something else behind it: Gemma's scale of
    embeddings, the scores of Llama 4's router."""
    if isinstance(module, torch.nn.Embedding):
        given = torch.arange(2)
        plain = torch.nn.functional.embedding(given, module.weight)
    elif isinstance(module, torch.nn.Linear):
        given = torch.ones(2, module.in_features, dtype=module.weight.dtype)
        plain = torch.nn.functional.linear(given, module.weight, module.bias)
    else:
        return False
    with torch.no_grad():
        found = module(given)
    return not (isinstance(found, torch.Tensor) and torch.allclose(found, plain))


def _find(name: str, modules: Mapping[str, Any]) -> str | None:
    """The module of that name, or the only one whose name ends in it."""
    if name in modules:
        return name
    longer = [path for path in modules if path.endswith(f".{name}")]
    return longer[0] if len(longer) == 1 else None


def _rows_of(ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor | None:
    """Where each of our rows stands in a stacked weight; None if one does not."""
    places: dict[bytes, int] = {}
    for index, row in enumerate(theirs.float().numpy()):
        places.setdefault(row.tobytes(), index)
    found = [places.get(row.tobytes()) for row in ours.float().numpy()]
    return None if None in found else torch.tensor(found)


def _containers(
    pairs: Mapping[str, Counterpart], paths: Iterable[str], alone: Iterable[str]
) -> dict[str, Counterpart]:
    """Counterparts of layers without weights. Of several within each other that would have the
    same one, the outermost has it; none has one that computes more (BERT's attention has the norm
    behind it inside). One with a single pair beside layers of weights that have none
    (`alone`: stacks of experts) is the module around that pair's."""
    found: dict[str, Counterpart] = {}
    taken: set[str] = {pair.path for pair in pairs.values()}
    for path in sorted(set(paths) - pairs.keys(), key=lambda p: p.count(".")):
        inside = [pair.path for layer, pair in pairs.items() if layer.startswith(f"{path}.")]
        common = _common_parent(inside)
        if common in taken and any(layer.startswith(f"{path}.") for layer in alone):
            common = common.rpartition(".")[0]
        others = (pair.path for layer, pair in pairs.items() if not layer.startswith(f"{path}."))
        if any(other.startswith(f"{common}.") for other in others):
            continue
        if common and common not in taken:
            taken.add(common)
            found[path] = Counterpart(common)
    return found


def _common_parent(paths: Iterable[str]) -> str:
    """The longest path, of whole names, that all paths begin with."""
    shared = []
    for names in zip(*(path.split(".") for path in paths), strict=False):
        if len(set(names)) > 1:
            break
        shared.append(names[0])
    return ".".join(shared)
