"""The encodings of quantized weights: how many elements and bytes their blocks have."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class BlockParameters(NamedTuple):
    """The sizes of one block.

    Attributes:
        elements_per_block: weights that it encodes.
        block_size: bytes that it takes.
    """

    elements_per_block: int
    block_size: int


class QuantizationEncoding(Enum):
    """How the elements of a weight's rows are encoded, in blocks that stand one after another.

    The layouts are those of ggml (ggml-common.h). `F16` and `BF16` are floating-point elements
    kept as they are in the file, for layers that compute in another type: blocks of one.
    """

    Q4_0 = "q4_0"
    Q4_1 = "q4_1"
    Q5_0 = "q5_0"
    Q5_1 = "q5_1"
    Q8_0 = "q8_0"
    Q4_K = "q4_k"
    Q5_K = "q5_k"
    Q6_K = "q6_k"
    F16 = "float16"
    BF16 = "bfloat16"
    GPTQ = "gptq"

    @property
    def block_parameters(self) -> BlockParameters:
        """Elements and bytes of a block.

        Raises:
            ValueError: for GPTQ, whose weights are several tensors.
        """
        found = _BLOCKS.get(self)
        if found is None:
            raise ValueError(f"{self.name} weights are not rows of blocks")
        return found

    @property
    def elements_per_block(self) -> int:
        """Weights of a block."""
        return self.block_parameters.elements_per_block

    @property
    def block_size(self) -> int:
        """Bytes of a block."""
        return self.block_parameters.block_size

    @property
    def is_gguf(self) -> bool:
        """Whether GGUF files have weights of this encoding."""
        return self in _BLOCKS

    def row_bytes(self, elements: int) -> int:
        """Bytes of a row of so many elements.

        Raises:
            ValueError: if they are no whole number of blocks.
        """
        per_block, block_size = self.block_parameters
        if elements % per_block:
            raise ValueError(
                f"a row of {elements} elements cannot be {self.name}: its blocks have {per_block}"
            )
        return elements // per_block * block_size

    def row_elements(self, num_bytes: int) -> int:
        """Elements of a row of so many bytes.

        Raises:
            ValueError: if they are no whole number of blocks.
        """
        per_block, block_size = self.block_parameters
        if num_bytes % block_size:
            raise ValueError(
                f"a row of {num_bytes} bytes is not {self.name}: its blocks have {block_size} bytes"
            )
        return num_bytes // block_size * per_block


_BLOCKS = {
    QuantizationEncoding.Q4_0: BlockParameters(32, 18),
    QuantizationEncoding.Q4_1: BlockParameters(32, 20),
    QuantizationEncoding.Q5_0: BlockParameters(32, 22),
    QuantizationEncoding.Q5_1: BlockParameters(32, 24),
    QuantizationEncoding.Q8_0: BlockParameters(32, 34),
    QuantizationEncoding.Q4_K: BlockParameters(256, 144),
    QuantizationEncoding.Q5_K: BlockParameters(256, 176),
    QuantizationEncoding.Q6_K: BlockParameters(256, 210),
    QuantizationEncoding.F16: BlockParameters(1, 2),
    QuantizationEncoding.BF16: BlockParameters(1, 2),
}


@dataclass(frozen=True)
class QuantizationConfig:
    """Parameters of a checkpoint that was quantized by other means than ggml's.

    Args:
        quant_method: the name in the checkpoint's configuration.
        bits: bits of one weight.
        group_size: weights that share a scale.
        desc_act: whether columns are ordered by activation size.
        sym: whether zero points are in the middle.
    """

    quant_method: str
    bits: int
    group_size: int
    desc_act: bool = False
    sym: bool = False
