"""The table of cosines and sines that attention layers turn queries and keys by."""

from __future__ import annotations

import torch

from max.driver import Buffer
from max.graph import DeviceRef, TensorValue, ops
from max.nn.module import Module
from max.nn.rope.scaling import RopeScaling, inverse_frequencies


class Rope(Module):
    """Position p turns the i-th pair of a head's elements by `p / theta^(2i / rotary_dim)`.

    Su et al., RoFormer (2021). A model makes one for each kind of layer; its table is made once.

    Args:
        rotary_dim: elements of a head that are turned, the first ones; the rest stays.
        theta: base of the angles.
        max_len: positions in the table.
        interleaved: whether elements 2i and 2i + 1 are a pair (the original layout), or i and
            i + rotary_dim / 2 (most Hugging Face checkpoints).
        scaling: how the angles are stretched for long contexts; None for not at all.
    """

    def __init__(
        self,
        rotary_dim: int,
        theta: float,
        max_len: int,
        interleaved: bool = False,
        scaling: RopeScaling | None = None,
    ) -> None:
        super().__init__()
        self.rotary_dim = rotary_dim
        self.theta = theta
        self.max_seq_len = max_len
        self.interleaved = interleaved
        self.scaling = scaling or RopeScaling()
        self._tables: dict[DeviceRef, Buffer] = {}

    def inverse_frequencies(self) -> torch.Tensor:
        """Angle per position of each pair: float32 [rotary_dim / 2]."""
        plain = inverse_frequencies(self.rotary_dim, self.theta)
        return self.scaling.frequencies(plain, self.theta, self.max_seq_len)

    def table(self, device: DeviceRef) -> TensorValue:
        """Cosine and sine of every angle: float32 [max_len, rotary_dim / 2, 2].

        Args:
            device: where it is read; made there once, so that all layers of a graph share it.
        """
        if device not in self._tables:
            positions = torch.arange(self.max_seq_len, dtype=torch.float32)
            angles = torch.outer(positions, self.inverse_frequencies())
            table = torch.stack((angles.cos(), angles.sin()), -1) * self.scaling.magnitude()
            self._tables[device] = Buffer(table.to(device.to_torch()))
        return ops.constant(self._tables[device], device=device)

    @property
    def freqs_cis(self) -> TensorValue:
        """The table on the host, under its documented name."""
        return self.table(DeviceRef.CPU())

    def __call__(self) -> TensorValue:
        """The table, as `freqs_cis`."""
        return self.freqs_cis
