"""Adapters of low rank (Hu et al., 2021; PEFT) beside the weights of linear layers and embeddings.

A server has some slots, each with room for one adapter. For each layer the slots' numbers lie in
tensors that stay where they are, so a graph, and what was recorded of it, knows their places; an
adapter comes into a slot by being copied there. Each row of a batch names its slot, or none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from max import kernels
from max.dtype import DType
from max.graph import DeviceRef, Dim, TensorValue, TensorValueLike
from max.graph.call import call
from max.kernels.lora_linear.op import RANK_MULTIPLE
from max.kernels.lora_linear.reference import PANEL
from max.nn.embedding import Embedding
from max.nn.linear import Linear
from max.nn.module import Module
from max.nn.moe.experts import ExpertMatrices


@dataclass(frozen=True)
class LayerUpdate:
    """What an adapter makes of a layer's result y: `factor * (y + scale * (x @ a) @ b) + shift`.

    Args:
        a: [inputs, rank]; of an embedding a row for each of its table's; of experts' matrices
            [experts, inputs, rank].
        b: [rank, outputs], or [experts, rank, outputs].
        scale: of the product.
        affine: float32 [2, outputs], factors and shifts; None for 1 and 0.
    """

    a: torch.Tensor
    b: torch.Tensor
    scale: float
    affine: torch.Tensor | None = None

    @property
    def rank(self) -> int:
        """Columns of a; 0 without a product."""
        return self.a.shape[-1]

    @property
    def nbytes(self) -> int:
        """Bytes of its tensors."""
        affine = 0 if self.affine is None else self.affine.nbytes
        return self.a.nbytes + self.b.nbytes + affine


class LayerSlots:
    """The slots of one layer; see `max::lora_linear` for the tensors.

    Args:
        num_slots: adapters that have room.
        inputs: elements of a row that the layer reads; of an embedding the rows of its table.
        outputs: elements of a row that it gives.
        max_rank: of the adapters.
        dtype: of what the layer reads and gives.
        device: where it computes.
        experts: how many matrices it has, each with an adapter of its own; see `max::experts`.
    """

    def __init__(
        self,
        num_slots: int,
        inputs: int,
        outputs: int,
        max_rank: int,
        dtype: DType,
        device: DeviceRef,
        experts: int = 1,
    ) -> None:
        rank = -(-max_rank // RANK_MULTIPLE) * RANK_MULTIPLE
        where = device.to_torch()
        self.inputs, self.outputs, self.experts = inputs, outputs, experts
        num_slots *= experts
        # On a host zeros take no memory before they are written.
        elements = dtype.to_torch()
        self.a = torch.zeros(num_slots, inputs, rank, dtype=elements, device=where)
        panels = -(-outputs // PANEL)
        self.b = torch.zeros(num_slots, panels, rank, PANEL, dtype=elements, device=where)
        self.scales = torch.zeros(num_slots, dtype=torch.float32, device=where)
        self.ranks = torch.zeros(num_slots, dtype=torch.int32, device=where)
        self.affine = torch.zeros(num_slots, 2, outputs, dtype=torch.float32, device=where)
        self.is_affine = torch.zeros(num_slots, dtype=torch.int32, device=where)

    @property
    def tensors(self) -> tuple[torch.Tensor, ...]:
        """In the op's order."""
        return (self.a, self.b, self.scales, self.ranks, self.affine, self.is_affine)

    @property
    def nbytes(self) -> int:
        """Bytes when all slots are full."""
        return sum(tensor.nbytes for tensor in self.tensors)

    def write(self, slot: int, update: LayerUpdate | None) -> None:
        """Puts an adapter's part into a slot, counted from 0; None leaves the layer as it is."""
        own = slice(slot * self.experts, (slot + 1) * self.experts)
        rank = 0 if update is None else update.rank
        self.ranks[own] = rank
        self.is_affine[own] = update is not None and update.affine is not None
        if update is None:
            return
        # Columns that the kernel reads along with the adapter's own are zero.
        read = -(-rank // RANK_MULTIPLE) * RANK_MULTIPLE
        self.a[own, :, :rank].copy_(update.a)
        self.a[own, :, rank:read].zero_()
        rows = torch.nn.functional.pad(update.b, (0, -self.outputs % PANEL))
        self.b[own, :, :rank].copy_(rows.unflatten(-1, (-1, PANEL)).transpose(-3, -2))
        self.scales[own] = update.scale
        if update.affine is not None:
            self.affine[own].copy_(update.affine)


class RowSlots:
    """Which slot each row has, for the rows of the batch and for those that a model picks of them.

    Args:
        slots: int32 [rows, 1] of the batch, 0 for none, see `max::lora_linear`.
    """

    def __init__(self, slots: TensorValue) -> None:
        self._slots = slots
        self._by_rows: dict[Dim, TensorValue] = {slots.shape[0]: slots}

    def pick(self, picked: Callable[[TensorValue], TensorValue]) -> None:
        """Told how some of the batch's rows are picked, before a layer reads them."""
        slots = picked(self._slots)
        self._by_rows.setdefault(slots.shape[0], slots)

    def of(self, y: TensorValue) -> TensorValue | None:
        """The slots of y's rows; None where y has other rows."""
        return self._by_rows.get(y.shape[0]) if y.rank == 2 else None


class LayerAdapters:
    """The adapters of one layer while its graph is built.

    Args:
        slots: where they are.
        rows: which rows have which.
    """

    def __init__(self, slots: LayerSlots, rows: RowSlots) -> None:
        self.slots = slots
        self._rows = rows
        # Whether the graph has them: not where a layer's weight is used without the layer, nor
        # where its rows are not the batch's.
        self.are_applied = False

    def rows_of(self, x: TensorValue) -> TensorValue | None:
        """The slots of x's rows, for a layer that applies its adapters itself; None where x has
        other rows."""
        rows = self._rows.of(x)
        self.are_applied = self.are_applied or rows is not None
        return rows

    def to_product(self, y: TensorValue, x: TensorValueLike) -> TensorValue:
        """The layer's results [rows, outputs] for x [rows, inputs], each row with its adapter's."""
        rows = self.rows_of(y)
        if rows is None:
            return y
        return call("lora_linear", kernels.lora_linear, y, x, rows, *self.slots.tensors)

    def to_rows(self, y: TensorValue, ids: TensorValueLike) -> TensorValue:
        """The table's rows [rows, outputs] that ids [rows] name, each with its adapter's."""
        rows = self.rows_of(y)
        if rows is None:
            return y
        tables = self.slots.tensors[:4]
        return call("lora_embedding", kernels.lora_embedding, y, ids, rows, *tables)


def adapt_layers(
    model: Module, rows: RowSlots, num_slots: int, max_rank: int, dtype: DType
) -> dict[str, LayerAdapters]:
    """Gives the linear layers, embeddings and experts' matrices of a model their slots, before its
    graph is built.

    Args:
        model: whose weights have their full names.
        rows: which rows have which slot.
        num_slots: adapters that have room.
        max_rank: of them.
        dtype: that the model computes in, but for layers of float32, as some routers are.

    Returns:
        The layers by their paths.
    """
    found: dict[str, LayerAdapters] = {}
    for path, layer in model.named_modules():
        if not isinstance(layer, Linear | Embedding | ExpertMatrices) or layer.adapters is not None:
            continue
        *experts, outputs, inputs = layer.weight.shape.static_dims
        if isinstance(layer, Embedding):
            outputs, inputs = inputs, outputs
        stored, device = layer.weight.dtype, layer.weight.device
        computed = stored if stored is DType.float32 else dtype
        slots = LayerSlots(num_slots, inputs, outputs, max_rank, computed, device, *experts)
        found[path] = layer.adapters = LayerAdapters(slots, rows)
    return found
