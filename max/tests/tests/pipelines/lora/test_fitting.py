"""Adapters' tensors find their places in a model, or are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
import torch

from max.dtype import DType
from max.graph import DeviceRef
from max.nn.lora import LayerKind, LayerSlots, LayerUpdate
from max.pipelines.lora.errors import AdapterError
from max.pipelines.lora.fitting import fit_adapter
from max.pipelines.lora.peft_adapter import layers_of
from max.pipelines.lora.peft_config import PeftConfig
from max.pipelines.lora.peft_layer import PeftLayer

TABLE, NORM = LayerKind.TABLE, LayerKind.NORM
CONFIG = PeftConfig(2, 4.0, {}, {}, use_rslora=False)


@dataclass
class StackedModel:
    """A model with two layers: one stands alone; the other two are stacked in checkpoints, and
    there the other way round, as GPT-2 has it."""

    stored: dict[str, torch.Tensor] = field(default_factory=dict)
    adapter_slots: dict[str, LayerSlots] = field(
        default_factory=lambda: (
            {
                name: LayerSlots(
                    1, 6, outputs, 16, DType.float32, DeviceRef.CPU(), saves=name == "whole"
                )
                for name, outputs in (("out", 5), ("q", 3), ("k", 4), ("whole", 5))
            }
            | {
                "table": LayerSlots(
                    1, 9, 6, 16, DType.float32, DeviceRef.CPU(), saves=True, kind=TABLE
                )
            }
            | {
                "norm": LayerSlots(
                    1, 6, 6, 16, DType.float32, DeviceRef.CPU(), kind=NORM, norm_offset=1
                )
            }
        )
    )

    def in_model_order(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        found: dict[str, torch.Tensor] = {}
        for name, tensor in tensors.items():
            path, kind = name.rsplit(".", 1)
            if path == "h.qk" and kind == "weight":
                if tensor.shape[1] != 7:
                    raise ValueError("no 7 columns")
                found["q.weight"], found["k.weight"] = tensor.T.split([3, 4])
            else:
                found[f"{path.removeprefix('h.')}.{kind}"] = tensor
        return found

    def stored_elements(self, name: str) -> torch.Tensor | None:
        return self.stored.get(name)

    def is_exact(self, name: str) -> bool:
        return name in self.stored


def tensors_of(layer: str, outputs: int, inputs: int = 6, rank: int = 2) -> dict[str, torch.Tensor]:
    prefix = f"base_model.model.{layer}"
    return {
        f"{prefix}.lora_A.weight": torch.randn(rank, inputs),
        f"{prefix}.lora_B.weight": torch.randn(outputs, rank),
    }


def fit(
    tensors: Mapping[str, torch.Tensor], model: StackedModel | None = None
) -> dict[str, LayerUpdate]:
    return fit_adapter(layers_of(tensors, CONFIG), model or StackedModel(), 16)


def test_a_layer_gets_its_product() -> None:
    tensors = tensors_of("h.out", 5)
    a, b = tensors.values()
    (update,) = fit(tensors).values()
    assert torch.equal(update.a, a.T) and torch.equal(update.b, b.T)
    assert (update.scale, update.rank, update.affine) == (2.0, 2, None)


def test_a_stacked_layer_is_taken_apart() -> None:
    tensors = tensors_of("h.qk", 7)
    a, b = tensors.values()
    updates = fit(tensors)
    assert updates.keys() == {"q", "k"}
    assert torch.equal(updates["q"].b, b[:3].T) and torch.equal(updates["k"].b, b[3:].T)
    assert all(torch.equal(update.a, a.T) for update in updates.values())


def test_biases_become_shifts() -> None:
    model = StackedModel({"out.bias": torch.ones(5)})
    tensors = {
        **tensors_of("h.out", 5),
        "base_model.model.h.out.base_layer.bias": torch.full((5,), 3.0),
    }
    (update,) = fit(tensors, model).values()
    assert update.affine is not None
    assert torch.equal(update.affine, torch.stack([torch.ones(5), torch.full((5,), 2.0)]))


def test_copies_of_the_model_s_weights_change_nothing() -> None:
    weight = torch.randn(5, 6)
    tensors = {**tensors_of("h.out", 5), "base_model.model.h.out.base_layer.weight": weight}
    assert fit(tensors, StackedModel({"out.weight": weight})).keys() == {"out"}
    with pytest.raises(AdapterError, match=r"replaces all of 'out\.weight'"):
        fit(tensors, StackedModel({"out.weight": weight + 1}))


def test_whole_weights_come_in_the_order_of_slots() -> None:
    """With the layer's bias, which the product with them has not."""
    weight, table, norm = torch.randn(5, 6), torch.randn(9, 6), torch.rand(6)
    own = torch.rand(6)
    stored = {
        "whole.weight": weight + 1,
        "whole.bias": torch.ones(5),
        "table.weight": table + 1,
        "norm.weight": own,
        "norm.bias": torch.ones(6),
    }
    names = ("h.whole", "h.table", "h.norm")
    weights = dict(zip(names, (weight, table, norm), strict=True))
    tensors = {f"base_model.model.{name}.weight": each for name, each in weights.items()}
    model = StackedModel(stored)
    updates = fit(tensors, model)
    of_whole, of_table, of_norm = (updates[name.removeprefix("h.")] for name in names)
    assert of_whole.weight is not None and of_whole.rank == 0
    assert torch.equal(of_whole.weight[0, :, :5], weight.T)
    assert of_whole.affine is not None and torch.equal(of_whole.affine, torch.ones(2, 5))
    assert of_table.weight is not None and torch.equal(of_table.weight, table)
    assert of_table.affine is None and of_norm.weight is None
    assert of_norm.affine is not None
    x = torch.randn(6)
    want = x * (norm + 1) + 1
    factor, shift = of_norm.affine
    torch.testing.assert_close(factor * (x * (own + 1) + 1) + shift, want)
    model.stored["norm.weight"] = torch.full((6,), -1.0)
    with pytest.raises(AdapterError, match=r"'norm\.weight', of which the model's has zeros"):
        fit(tensors, model)


def test_a_quantized_model_s_own_weight_is_no_reason_to_leave_a_whole_one_out() -> None:
    weight = torch.randn(5, 6)

    class Quantized(StackedModel):
        def is_exact(self, name: str) -> bool:
            return False

    model = Quantized({"whole.weight": weight, "out.weight": weight})
    assert fit({"base_model.model.h.whole.weight": weight}, model)["whole"].weight is not None
    copy = {**tensors_of("h.out", 5), "base_model.model.h.out.base_layer.weight": weight}
    assert fit(copy, model)["out"].weight is None


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("out", (5, 6), r"start with --lora-modules-to-save out \(for linear layers"),
        ("q_norm", (4,), "experts and norms of heads are none"),
        ("whole", (7, 6), r"of \[5, 6\] by \[7, 6\]; the model's layers, and its vocabulary"),
    ],
)
def test_whole_weights_without_room_are_refused(
    name: str, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(AdapterError, match=message):
        fit({f"base_model.model.h.{name}.weight": torch.ones(shape)})


def test_dora_takes_the_norm_of_the_whole_weight() -> None:
    weight = torch.randn(5, 6)
    tensors = tensors_of("h.out", 5)
    a, b = tensors.values()
    magnitude = torch.rand(5) + 1
    tensors["base_model.model.h.out.lora_magnitude_vector"] = magnitude
    (update,) = fit(tensors, StackedModel({"out.weight": weight})).values()
    norms = torch.linalg.norm(weight + 2 * b @ a, dim=1)
    assert update.affine is not None
    torch.testing.assert_close(update.affine, torch.stack([magnitude / norms, torch.zeros(5)]))
    with pytest.raises(AdapterError, match=r"use_dora needs the norms of 'out\.weight'"):
        fit(tensors)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (tensors_of("h.in", 5), "no layer 'in'"),
        (tensors_of("h.out", 4), "for 4 rows, but 'out' has 5"),
        (tensors_of("h.out", 5, inputs=7), "reads 7 elements, the layer 6"),
        (tensors_of("h.out", 5, rank=3), "the rank of that layer is 2"),
        ({"base_model.model.h.out.lora_C": torch.ones(1)}, "nothing is known of the tensor"),
        ({"base_model.model.h.out.bias": torch.ones(5)}, "it changes nothing"),
        (dict(list(tensors_of("h.out", 5).items())[:1]), "only one of lora_A and lora_B"),
    ],
)
def test_what_has_no_place_is_refused(tensors: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(AdapterError) as refused:
        fit(tensors)
    assert message in str(refused.value)


def test_numbers_that_are_none_are_refused() -> None:
    tensors = tensors_of("h.out", 5)
    next(iter(tensors.values()))[0, 0] = torch.inf
    with pytest.raises(AdapterError, match="not finite"):
        fit(tensors)


def test_a_rank_above_the_limit_is_refused() -> None:
    layers = {"h.out": PeftLayer(torch.ones(20, 6), torch.ones(5, 20))}
    with pytest.raises(AdapterError, match=r"its rank is 20 .* 16 of --max-lora-rank"):
        fit_adapter(layers, StackedModel(), 16)
