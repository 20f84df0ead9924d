"""Products with weights that are packed for the CPU's vectors."""

from max.kernels.packed_linear.op import packed_linear
from max.kernels.packed_linear.packing import can_pack, pack, unpack

__all__ = ["can_pack", "pack", "packed_linear", "unpack"]
