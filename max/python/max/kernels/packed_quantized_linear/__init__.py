"""Products with quantized weights that are packed for the CPU's vectors."""

from max.kernels.packed_quantized_linear.op import packed_quantized_linear
from max.kernels.packed_quantized_linear.packing import (
    activation_block,
    can_pack_encoding,
    pack_quantized,
)

__all__ = ["activation_block", "can_pack_encoding", "pack_quantized", "packed_quantized_linear"]
