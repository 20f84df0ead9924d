"""From an adapter in Hugging Face's terms to what it changes in a model's layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import torch

from max.nn.lora import LayerKind, LayerUpdate
from max.pipelines.lora.adaptable_model import AdaptableModel
from max.pipelines.lora.errors import AdapterError
from max.pipelines.lora.peft_adapter import read_peft_adapter
from max.pipelines.lora.peft_files import digest_of
from max.pipelines.lora.peft_layer import PeftLayer
from max.pipelines.lora.whole_weights import norm_factors, replaced_weights


@dataclass(frozen=True)
class FittedAdapter:
    """What an adapter changes in a model.

    Args:
        digest: of its files.
        updates: by the layers' paths.
    """

    digest: str
    updates: Mapping[str, LayerUpdate]

    @property
    def nbytes(self) -> int:
        """Bytes of its tensors."""
        return sum(update.nbytes for update in self.updates.values())


def load_adapter(
    folder: Path, model: AdaptableModel, max_rank: int, digest: str | None = None
) -> FittedAdapter:
    """Reads an adapter and fits it to a model.

    Args:
        folder: as PEFT's `save_pretrained` writes it.
        model: that it was trained for.
        max_rank: of a layer's product.
        digest: that its files must have; None for any.

    Raises:
        AdapterError: if it cannot be read, does not fit, or is another one than it was.
    """
    found = digest_of(folder)
    if digest not in (None, found):
        raise AdapterError(f"the files in {folder} have changed since it was loaded")
    return FittedAdapter(found, fit_adapter(read_peft_adapter(folder), model, max_rank))


def fit_adapter(
    layers: Mapping[str, PeftLayer], model: AdaptableModel, max_rank: int
) -> dict[str, LayerUpdate]:
    """What an adapter changes, by the paths of the model's layers.

    Raises:
        AdapterError: if a tensor has no place in the model, or what it asks for is not computed.
    """
    ranks = {name: layer.a.shape[-2] for name, layer in layers.items() if layer.a is not None}
    if (highest := max(ranks.values(), default=0)) > max_rank:
        name = next(name for name, rank in ranks.items() if rank == highest)
        raise AdapterError(
            f"its rank is {highest} ('{name}'), more than the {max_rank} of --max-lora-rank"
        )
    updates: dict[str, LayerUpdate] = {}
    for name, layer in layers.items():
        for path, update in _LayerFit(name, layer, model).updates().items():
            if path in updates:
                raise AdapterError(f"it has two adapters of the layer '{path}'")
            updates[path] = update
    return updates


class _LayerFit:
    """One layer of an adapter and what it is in the model: one layer, or parts of a stacked one."""

    def __init__(self, name: str, layer: PeftLayer, model: AdaptableModel) -> None:
        self._name = name
        self._layer = layer
        self._model = model
        # Whole weights in place of the model's own, by path.
        self._weights: dict[str, torch.Tensor] = {}

    def updates(self) -> dict[str, LayerUpdate]:
        """What changes, by path."""
        layer = self._layer
        biases = {} if layer.bias is None else self._of_model("bias", layer.bias)
        self._weights = {
            **self._replaced(layer.base_weight, is_copy=True),
            **self._replaced(layer.weight, is_copy=False),
        }
        if layer.a is None or layer.b is None:
            self._check_others()
            return self._without_products(biases)
        if not all(bool(torch.isfinite(each).all()) for each in (layer.a, layer.b)):
            raise AdapterError(
                f"lora_A or lora_B of '{self._name}' has numbers that are not finite"
            )
        if layer.a.ndim == 3:
            return self._of_experts(layer.a, layer.b)
        if layer.is_embedding:
            rows = self._rows(layer.a.T, is_of_inputs=True)
            return {path: self._update(path, a, layer.b.T) for path, a in rows.items()}
        found = {}
        b_biases, magnitudes = (
            self._optional_rows(layer.b_bias),
            self._optional_rows(layer.magnitude),
        )
        for path, b in self._rows(layer.b).items():
            slots = self._model.adapter_slots[path]
            if layer.a.shape[1] != slots.inputs:
                raise AdapterError(
                    f"lora_A of '{self._name}' reads {layer.a.shape[1]} elements, the layer "
                    f"{slots.inputs}: is it an adapter of another model?"
                )
            affine = self._affine(
                path, b, biases.get(path), b_biases.get(path), magnitudes.get(path)
            )
            found[path] = self._update(path, layer.a.T, b.T, affine)
        return found

    def _of_experts(self, a: torch.Tensor, b: torch.Tensor) -> dict[str, LayerUpdate]:
        """Of a [experts, rank, inputs] and b [experts, outputs, rank]."""
        found = {}
        for path, part in self._expert_rows(b).items():
            slots = self._model.adapter_slots[path]
            if a.shape != (slots.experts, a.shape[1], slots.inputs):
                raise AdapterError(
                    f"lora_A of '{self._name}' is for {len(a)} experts that read {a.shape[2]} "
                    f"elements, '{path}' has {slots.experts} of {slots.inputs}: is it an adapter "
                    "of another model?"
                )
            found[path] = self._update(path, a.transpose(1, 2), part.transpose(1, 2))
        return found

    def _expert_rows(self, stack: torch.Tensor) -> dict[str, torch.Tensor]:
        """What stands for the rows of experts' matrices, [experts, rows, columns], as the model
        has them. Checkpoints may have them the other way round (gpt-oss)."""
        slots = self._model.adapter_slots
        shapes: dict[str, list[int]] = {}
        for turned in (stack, stack.transpose(1, 2)):
            found: dict[str, torch.Tensor] = {}
            for name, part in self._model.in_model_order({self._name: turned}).items():
                found |= _parted(name.removesuffix(".weight"), part)
            if unknown := sorted(found.keys() - slots.keys()):
                raise AdapterError(self._unknown(unknown[0]))
            wanted = {p: (slots[p].experts, slots[p].outputs, stack.shape[2]) for p in found}
            if found and all(part.shape == wanted[path] for path, part in found.items()):
                return found
            shapes = shapes or {path: list(part.shape) for path, part in found.items()}
        raise AdapterError(
            f"lora_B of '{self._name}' gives {shapes}, which does not fit the model's experts: is "
            "it an adapter of another model?"
        )

    def _update(
        self, path: str, a: torch.Tensor, b: torch.Tensor, affine: torch.Tensor | None = None
    ) -> LayerUpdate:
        slots = self._model.adapter_slots[path]
        weight = None if slots.kind is LayerKind.NORM else self._weights.get(path)
        dtype = slots.a.dtype
        return LayerUpdate(
            a.to(dtype).contiguous(),
            b.to(dtype).contiguous(),
            self._layer.scale,
            affine,
            None if weight is None else slots.in_slot_order(weight),
        )

    def _affine(
        self,
        path: str,
        b: torch.Tensor,
        bias: torch.Tensor | None,
        b_bias: torch.Tensor | None,
        magnitude: torch.Tensor | None,
    ) -> torch.Tensor | None:
        """Factors and shifts: y = W x + own becomes f (y + s B A x) + (bias + s b_bias - f own);
        with a whole weight in place of W, y is without a bias. Of a norm, f makes its weight."""
        slots = self._model.adapter_slots[path]
        stored = self._model.stored_elements(f"{path}.bias")
        is_whole, is_norm = path in self._weights, slots.kind is LayerKind.NORM
        own = None if is_whole and not is_norm else stored
        bias = stored if bias is None else bias
        if bias is own and b_bias is None and magnitude is None and not (is_whole and is_norm):
            return None
        none = torch.zeros(slots.outputs)
        own, bias = (none if each is None else each.float() for each in (own, bias))
        factor = torch.ones_like(own)
        if magnitude is not None:
            factor = magnitude[:, 0].float() / self._norms(path, b)
        if is_whole and is_norm:
            factor = norm_factors(path, self._weights[path], self._model)
        shift = bias - factor * own
        if b_bias is not None:
            shift = shift + self._layer.scale * b_bias[:, 0].float()
        return torch.stack([factor, shift])

    def _norms(self, path: str, b: torch.Tensor) -> torch.Tensor:
        """Of the rows of the weight with the product added."""
        stored = self._model.stored_elements(f"{path}.weight")
        weight = self._weights.get(path, stored)
        if weight is None or self._layer.a is None:
            raise AdapterError(
                f"use_dora needs the norms of '{path}.weight', whose elements this checkpoint does "
                "not tell: merge the adapter into the model"
            )
        product = b.float() @ self._layer.a.float()
        norms: torch.Tensor = torch.linalg.norm(weight.float() + self._layer.scale * product, dim=1)
        return norms

    def _without_products(self, biases: Mapping[str, torch.Tensor]) -> dict[str, LayerUpdate]:
        """Of layers that have no product: an adapter may train all biases, and whole weights."""
        found = {}
        for path in {**self._weights, **biases}:
            bias = biases.get(path)
            if path not in self._weights and not self._changes_bias(path, bias):
                continue
            slots = self._model.adapter_slots[path]
            no_a, no_b = torch.zeros(slots.inputs, 0), torch.zeros(0, slots.outputs)
            has_bias = slots.kind is not LayerKind.TABLE
            affine = self._affine(path, no_b.T, bias, None, None) if has_bias else None
            found[path] = self._update(path, no_a, no_b, affine)
        return found

    def _changes_bias(self, path: str, bias: torch.Tensor | None) -> bool:
        own = self._model.stored_elements(f"{path}.bias")
        if own is not None and bias is not None and torch.equal(own, bias.float()):
            return False
        if own is None or path not in self._model.adapter_slots:
            raise AdapterError(
                f"it changes '{path}.bias', for which the model has no room: if that is a norm's, "
                f"start with --lora-modules-to-save {path.rpartition('.')[2]}"
            )
        return True

    def _replaced(self, weight: torch.Tensor | None, *, is_copy: bool) -> dict[str, torch.Tensor]:
        """Whole weights by path, without those that are the model's own; see `replaced_weights`."""
        if weight is None:
            return {}
        try:
            weights = self._of_model("weight", weight)
        except (ValueError, RuntimeError) as error:
            raise AdapterError(
                f"'{self._name}.weight' of it is {list(weight.shape)}, which does not fit the "
                f"model: {error}"
            ) from error
        return replaced_weights(weights, self._model, is_copy=is_copy)

    def _check_others(self) -> None:
        layer = self._layer
        if layer.b_bias is not None or layer.magnitude is not None:
            raise AdapterError(f"it has no lora_A and lora_B for '{self._name}'")

    def _optional_rows(self, column: torch.Tensor | None) -> dict[str, torch.Tensor]:
        return {} if column is None else self._rows(column.reshape(-1, 1))

    def _of_model(self, kind: str, tensor: torch.Tensor) -> dict[str, torch.Tensor]:
        """A weight or bias as the model has it, by the paths of its layers."""
        found = self._model.in_model_order({f"{self._name}.{kind}": tensor})
        return {name.removesuffix(f".{kind}"): part for name, part in found.items()}

    def _rows(self, rows: torch.Tensor, is_of_inputs: bool = False) -> dict[str, torch.Tensor]:
        """Rows that stand for those of the layer's weight, as the model has them.

        Args:
            rows: [rows of the weight, columns].
            is_of_inputs: whether a row of the weight is one of the inputs, as in an embedding.
        """
        slots = self._model.adapter_slots

        def fits(path: str, part: torch.Tensor) -> bool:
            count = slots[path].inputs if is_of_inputs else slots[path].outputs
            return part.shape == (count, rows.shape[1])

        found = self._of_weight(rows)
        if unknown := sorted(found.keys() - slots.keys()):
            raise AdapterError(self._unknown(unknown[0]))
        if found and all(fits(path, part) for path, part in found.items()):
            return found
        # Of families whose checkpoints have weights the other way round (GPT-2's Conv1D).
        turned = self._of_weight(rows.T)
        if turned and all(fits(path, part) for path, part in turned.items()):
            return turned
        if not found:
            raise AdapterError(self._unknown(self._name))
        path, part = next(iter(found.items()))
        count = slots[path].inputs if is_of_inputs else slots[path].outputs
        raise AdapterError(
            f"its tensors for '{self._name}' are for {part.shape[0]} rows, but '{path}' has "
            f"{count}: is it an adapter of another model?"
        )

    def _of_weight(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """What stands for a weight as the model has it; nothing where the family's weight adapter
        refuses its shape."""
        try:
            return self._of_model("weight", rows)
        except (ValueError, RuntimeError):  # The latter is torch's, of a view that does not fit.
            return {}

    def _unknown(self, path: str) -> str:
        near = get_close_matches(path, list(self._model.adapter_slots), 1, 0.0)
        hint = f"; the nearest is '{near[0]}'" if near else ""
        return f"the model has no layer '{path}' that takes adapters (for '{self._name}'){hint}"


def _parted(name: str, stack: torch.Tensor) -> dict[str, torch.Tensor]:
    """A stack of gate and up, one below the other, apart; any other as it is."""
    prefix, both, _ = name.rpartition("gate_up_proj")
    if not both:
        return {name: stack}
    gate, up = stack.chunk(2, dim=1)
    return {f"{prefix}gate_proj": gate, f"{prefix}up_proj": up}
