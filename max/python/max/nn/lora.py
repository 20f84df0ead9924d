"""Adapters of low rank (Hu et al., 2021; PEFT) beside the weights of linear layers and embeddings,
and whole weights of adapters in place of some.

A server has some slots, each with room for one adapter. For each layer the slots' numbers lie in
tensors that stay where they are, so a graph, and what was recorded of it, knows their places; an
adapter comes into a slot by being copied there. Each row of a batch names its slot, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from math import prod

import torch

from max import kernels
from max.dtype import DType
from max.graph import DeviceRef, Dim, TensorValue, TensorValueLike
from max.graph.call import call
from max.kernels.lora_linear.op import RANK_MULTIPLE
from max.kernels.lora_linear.reference import PANEL
from max.kernels.memory import HugePages
from max.nn.embedding import Embedding
from max.nn.linear import Linear
from max.nn.module import Module
from max.nn.moe.experts import ExpertMatrices
from max.nn.norm import LayerNorm, RMSNorm


@dataclass(frozen=True)
class LayerUpdate:
    """What an adapter makes of a layer's result y: `factor * (y + scale * (x @ a) @ b) + shift`.

    With a weight of the adapter's own, y is `x @ weight` without a bias, or the weight's row.

    Args:
        a: [inputs, rank]; of an embedding a row for each of its table's; of experts' matrices
            [experts, inputs, rank].
        b: [rank, outputs], or [experts, rank, outputs].
        scale: of the product.
        affine: float32 [2, outputs], factors and shifts; None for 1 and 0.
        weight: in place of the model's own, as `LayerSlots.in_slot_order` gives it.
    """

    a: torch.Tensor
    b: torch.Tensor
    scale: float
    affine: torch.Tensor | None = None
    weight: torch.Tensor | None = None

    @property
    def rank(self) -> int:
        """Columns of a; 0 without a product."""
        return self.a.shape[-1]

    @property
    def nbytes(self) -> int:
        """Bytes of its tensors."""
        others = [each.nbytes for each in (self.affine, self.weight) if each is not None]
        return self.a.nbytes + self.b.nbytes + sum(others)


_Adaptable = Linear | Embedding | ExpertMatrices | RMSNorm | LayerNorm


class LayerKind(Enum):
    """What a layer makes of its weight: a product with it, rows of it, or a norm times it."""

    PRODUCT, TABLE, NORM = range(3)


class SavedWeights:
    """Room for a whole weight in each slot; see `max::saved_linear` and `max::saved_embedding`.

    Args:
        num_slots: adapters that have room.
        shape: of a weight in the order that the op reads.
        dtype: of its elements.
        device: where the layer computes.
    """

    def __init__(
        self, num_slots: int, shape: Sequence[int], dtype: torch.dtype, device: torch.device
    ) -> None:
        self.weights = _zeros([num_slots, *shape], dtype, device, HugePages())
        self.is_saved = torch.zeros(num_slots, dtype=torch.int32, device=device)

    @property
    def tensors(self) -> tuple[torch.Tensor, ...]:
        """In the op's order."""
        return (self.weights, self.is_saved)

    def write(self, slot: int, weight: torch.Tensor | None) -> None:
        """Puts an adapter's weight into a slot; None for an adapter without one."""
        self.is_saved[slot] = weight is not None
        if weight is not None:
            self.weights[slot].copy_(weight)


class LayerSlots:
    """The slots of one layer; see `max::lora_linear` for the tensors.

    Args:
        num_slots: adapters that have room.
        inputs: elements of a row that the layer reads; of an embedding the rows of its table.
        outputs: elements of a row that it gives.
        max_rank: of the adapters.
        dtype: of adapters' elements: of what the layer reads and gives, or bfloat16 beside float32.
        device: where it computes.
        experts: how many matrices it has, each with an adapter of its own; see `max::experts`.
        saves: whether an adapter may have a whole weight in place of the layer's own; of a norm
            that is a factor (see `LayerUpdate`), which needs no room of its own.
        kind: of the layer.
        norm_offset: what a norm adds to its weight.
        pages: where its large tensors are on a host; some of its own unless given.
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
        *,
        saves: bool = False,
        kind: LayerKind = LayerKind.PRODUCT,
        norm_offset: float = 0.0,
        pages: HugePages | None = None,
    ) -> None:
        rank = -(-max_rank // RANK_MULTIPLE) * RANK_MULTIPLE
        where = torch.device(device.to_torch())
        self.inputs, self.outputs, self.experts = inputs, outputs, experts
        num_slots *= experts
        elements = dtype.to_torch()
        pages = pages or HugePages()
        self.a = _zeros([num_slots, inputs, rank], elements, where, pages)
        panels = -(-outputs // PANEL)
        self.b = _zeros([num_slots, panels, rank, PANEL], elements, where, pages)
        self.kind, self.norm_offset = kind, norm_offset
        weight = (inputs, outputs) if kind is LayerKind.TABLE else (panels, inputs, PANEL)
        self.saved = SavedWeights(num_slots, weight, elements, where) if saves else None
        self.scales = torch.zeros(num_slots, dtype=torch.float32, device=where)
        self.ranks = torch.zeros(num_slots, dtype=torch.int32, device=where)
        self.affine = torch.zeros(num_slots, 2, outputs, dtype=torch.float32, device=where)
        self.is_affine = torch.zeros(num_slots, dtype=torch.int32, device=where)

    @property
    def takes_weights(self) -> bool:
        """Whether an adapter may have a whole weight in place of the layer's."""
        return self.saved is not None or self.kind is LayerKind.NORM

    @property
    def tensors(self) -> tuple[torch.Tensor, ...]:
        """In the op's order."""
        return (self.a, self.b, self.scales, self.ranks, self.affine, self.is_affine)

    @property
    def nbytes(self) -> int:
        """Bytes when all slots are full."""
        saved = () if self.saved is None else self.saved.tensors
        return sum(tensor.nbytes for tensor in (*self.tensors, *saved))

    def in_slot_order(self, weight: torch.Tensor) -> torch.Tensor:
        """A weight [outputs, inputs], or a table [inputs, outputs], as a slot has it."""
        elements = weight.to(self.a.dtype)
        is_table = self.kind is LayerKind.TABLE
        return elements.contiguous() if is_table else _panels(elements.T).contiguous()

    def write(self, slot: int, update: LayerUpdate | None) -> None:
        """Puts an adapter's part into a slot, counted from 0; None leaves the layer as it is."""
        own = slice(slot * self.experts, (slot + 1) * self.experts)
        rank = 0 if update is None else update.rank
        self.ranks[own] = rank
        self.is_affine[own] = update is not None and update.affine is not None
        if self.saved is not None:
            self.saved.write(slot, None if update is None else update.weight)
        if update is None:
            return
        # Columns that the kernel reads along with the adapter's own are zero.
        read = -(-rank // RANK_MULTIPLE) * RANK_MULTIPLE
        self.a[own, :, :rank].copy_(update.a)
        self.a[own, :, rank:read].zero_()
        self.b[own, :, :rank].copy_(_panels(update.b))
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
        if (saved := self.slots.saved) is not None:
            y = call("saved_linear", kernels.saved_linear, y, x, rows, *saved.tensors)
        return call("lora_linear", kernels.lora_linear, y, x, rows, *self.slots.tensors)

    def to_rows(self, y: TensorValue, ids: TensorValueLike) -> TensorValue:
        """The table's rows [rows, outputs] that ids [rows] name, each with its adapter's."""
        rows = self.rows_of(y)
        if rows is None:
            return y
        if (saved := self.slots.saved) is not None:
            y = call("saved_embedding", kernels.saved_embedding, y, ids, rows, *saved.tensors)
        tables = self.slots.tensors[:4]
        return call("lora_embedding", kernels.lora_embedding, y, ids, rows, *tables)

    def to_norm(self, y: TensorValue) -> TensorValue:
        """The norm's results [rows, outputs], each row with its adapter's."""
        rows = self.rows_of(y)
        if rows is None:
            return y
        # There is no product, of what was read nothing is looked at.
        return call("lora_linear", kernels.lora_linear, y, y, rows, *self.slots.tensors)


def adapt_layers(
    model: Module,
    rows: RowSlots,
    num_slots: int,
    max_rank: int,
    dtype: DType,
    saved: Collection[str] = (),
) -> dict[str, LayerAdapters]:
    """Gives the linear layers, embeddings and experts' matrices of a model their slots, and norms
    that are to have some, before its graph is built.

    Args:
        model: whose weights have their full names.
        rows: which rows have which slot.
        num_slots: adapters that have room.
        max_rank: of them.
        dtype: that the model computes in, but for layers of float32, as some routers are.
        saved: names of layers, or ends of their paths, that an adapter may have a whole weight of.

    Returns:
        The layers by their paths.
    """
    found: dict[str, LayerAdapters] = {}
    pages = HugePages()
    for path, layer in model.named_modules():
        if not isinstance(layer, _Adaptable) or layer.adapters is not None:
            continue
        saves = any(f".{path}".endswith(f".{name}") for name in saved)
        make = partial(LayerSlots, num_slots, device=layer.weight.device, pages=pages)
        slots = _slots_of(layer, make, max_rank, dtype, saves=saves)
        if slots is not None:
            found[path] = layer.adapters = LayerAdapters(slots, rows)
    return found


def _slots_of(
    layer: _Adaptable,
    make: Callable[..., LayerSlots],
    max_rank: int,
    dtype: DType,
    *,
    saves: bool,
) -> LayerSlots | None:
    """A layer's slots; None for a norm that has only its own weight."""
    weight = layer.weight
    if isinstance(layer, RMSNorm | LayerNorm):
        (dim,) = weight.shape.static_dims
        offset = layer.weight_offset if isinstance(layer, RMSNorm) else 0.0
        of_norm = partial(make, dim, dim, RANK_MULTIPLE, dtype, kind=LayerKind.NORM)
        return of_norm(norm_offset=offset) if saves else None
    computed = weight.dtype if weight.dtype is DType.float32 else dtype
    if weight.quantization_encoding is not None:
        # Half the bytes of float32, and their rounding is less than that of the layer's own.
        computed = DType.bfloat16
    *experts, outputs, inputs = weight.shape.static_dims
    if isinstance(layer, Embedding):
        return make(outputs, inputs, max_rank, computed, saves=saves, kind=LayerKind.TABLE)
    return make(
        inputs, outputs, max_rank, computed, experts=prod(experts), saves=saves and not experts
    )


def _zeros(
    shape: Sequence[int], dtype: torch.dtype, device: torch.device, pages: HugePages
) -> torch.Tensor:
    """Zeros; on a host they take no memory before they are written."""
    on_host = device.type == "cpu"
    return pages.zeros(shape, dtype) if on_host else torch.zeros(*shape, dtype=dtype, device=device)


def _panels(rows: torch.Tensor) -> torch.Tensor:
    """[..., rows, outputs] as [..., panels, rows, PANEL], filled up with zeros."""
    padded = torch.nn.functional.pad(rows, (0, -rows.shape[-1] % PANEL))
    panels: torch.Tensor = padded.unflatten(-1, (-1, PANEL)).transpose(-3, -2)
    return panels
