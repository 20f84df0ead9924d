"""The encodings of quantized weights: all that is known of them, in one table. Imports no torch."""

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
    Q2_K = "q2_k"
    Q3_K = "q3_k"
    Q4_K = "q4_k"
    Q5_K = "q5_k"
    Q6_K = "q6_k"
    IQ1_S = "iq1_s"
    IQ1_M = "iq1_m"
    IQ2_XXS = "iq2_xxs"
    IQ2_XS = "iq2_xs"
    IQ2_S = "iq2_s"
    IQ3_XXS = "iq3_xxs"
    IQ3_S = "iq3_s"
    IQ4_NL = "iq4_nl"
    IQ4_XS = "iq4_xs"
    MXFP4 = "mxfp4"
    TQ1_0 = "tq1_0"
    TQ2_0 = "tq2_0"
    F16 = "float16"
    BF16 = "bfloat16"
    GPTQ = "gptq"

    @property
    def block_parameters(self) -> BlockParameters:
        """Elements and bytes of a block.

        Raises:
            ValueError: for GPTQ, whose weights are several tensors.
        """
        found = _FACTS.get(self)
        if found is None:
            raise ValueError(f"{self.name} weights are not rows of blocks")
        return found.blocks

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
        return self in _FACTS

    @property
    def is_quantized(self) -> bool:
        """Whether a block has fewer bits than its elements: neither `F16`, `BF16` nor `GPTQ`."""
        return self in _FACTS and self.elements_per_block > 1

    @property
    def ggml_type(self) -> int:
        """The number that GGUF files give a tensor's type.

        Raises:
            KeyError: for GPTQ, which they do not have.
        """
        return _FACTS[self].ggml_type

    @property
    def devices(self) -> frozenset[str]:
        """The kinds of devices ("cpu", "gpu") that have kernels for weights of this encoding."""
        return _FACTS[self].devices if self in _FACTS else frozenset()

    @property
    def is_made(self) -> bool:
        """Whether plain weights can be quantized to it; others are only read from files."""
        return self in _MADE

    @property
    def smaller_blocks(self) -> QuantizationEncoding:
        """What rows are quantized to that are no whole number of this one's blocks."""
        return _SMALLER_BLOCKS.get(self, self)

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


class _Facts(NamedTuple):
    """A line of the table.

    Attributes:
        blocks: their sizes.
        ggml_type: number of ggml.h's `ggml_type`.
        file_types: numbers of llama.h's `llama_ftype`: files that are mostly of this encoding.
        devices: the kinds of devices that have kernels for it.
    """

    blocks: BlockParameters
    ggml_type: int
    file_types: tuple[int, ...]
    devices: frozenset[str] = frozenset({"cpu", "gpu"})


_ON_CPU = frozenset({"cpu"})
_FACTS = {
    QuantizationEncoding.Q4_0: _Facts(BlockParameters(32, 18), 2, (2,)),
    QuantizationEncoding.Q4_1: _Facts(BlockParameters(32, 20), 3, (3,)),
    QuantizationEncoding.Q5_0: _Facts(BlockParameters(32, 22), 6, (8,)),
    QuantizationEncoding.Q5_1: _Facts(BlockParameters(32, 24), 7, (9,)),
    QuantizationEncoding.Q8_0: _Facts(BlockParameters(32, 34), 8, (7,)),
    QuantizationEncoding.Q2_K: _Facts(BlockParameters(256, 84), 10, (10, 21)),
    QuantizationEncoding.Q3_K: _Facts(BlockParameters(256, 110), 11, (11, 12, 13)),
    QuantizationEncoding.Q4_K: _Facts(BlockParameters(256, 144), 12, (14, 15)),
    QuantizationEncoding.Q5_K: _Facts(BlockParameters(256, 176), 13, (16, 17)),
    QuantizationEncoding.Q6_K: _Facts(BlockParameters(256, 210), 14, (18,)),
    QuantizationEncoding.IQ1_S: _Facts(BlockParameters(256, 50), 19, (24,), _ON_CPU),
    QuantizationEncoding.IQ1_M: _Facts(BlockParameters(256, 56), 29, (31,), _ON_CPU),
    QuantizationEncoding.IQ2_XXS: _Facts(BlockParameters(256, 66), 16, (19,), _ON_CPU),
    QuantizationEncoding.IQ2_XS: _Facts(BlockParameters(256, 74), 17, (20,), _ON_CPU),
    QuantizationEncoding.IQ2_S: _Facts(BlockParameters(256, 82), 22, (28, 29), _ON_CPU),
    QuantizationEncoding.IQ3_XXS: _Facts(BlockParameters(256, 98), 18, (23,), _ON_CPU),
    QuantizationEncoding.IQ3_S: _Facts(BlockParameters(256, 110), 21, (22, 26, 27), _ON_CPU),
    QuantizationEncoding.TQ1_0: _Facts(BlockParameters(256, 54), 34, (36,), _ON_CPU),
    QuantizationEncoding.TQ2_0: _Facts(BlockParameters(256, 66), 35, (37,)),
    QuantizationEncoding.IQ4_NL: _Facts(BlockParameters(32, 18), 20, (25,)),
    QuantizationEncoding.IQ4_XS: _Facts(BlockParameters(256, 136), 23, (30,)),
    QuantizationEncoding.MXFP4: _Facts(BlockParameters(32, 17), 39, (38,)),
    QuantizationEncoding.F16: _Facts(BlockParameters(1, 2), 1, (1,)),
    QuantizationEncoding.BF16: _Facts(BlockParameters(1, 2), 30, (32,)),
}
# As llama.cpp's `llama-quantize` has it for rows of no whole blocks of 256.
_SMALLER_BLOCKS = {
    QuantizationEncoding.Q4_K: QuantizationEncoding.Q5_0,
    QuantizationEncoding.Q5_K: QuantizationEncoding.Q5_1,
    QuantizationEncoding.Q6_K: QuantizationEncoding.Q8_0,
}
# By `max.kernels.quantize_rows`.
_MADE = frozenset(
    QuantizationEncoding[name]
    for name in ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K")
)
_OF_GGML_TYPE = {facts.ggml_type: encoding for encoding, facts in _FACTS.items()}
_OF_FILE_TYPE = {number: e for e, facts in _FACTS.items() for number in facts.file_types}

BLOCK_ENCODINGS = tuple(encoding for encoding in _FACTS if encoding.is_quantized)


def encoding_of_ggml_type(number: int) -> QuantizationEncoding | None:
    """The encoding that GGUF files give this number of a tensor's type; None if it is none."""
    return _OF_GGML_TYPE.get(number)


def encoding_of_file_type(number: object) -> QuantizationEncoding | None:
    """What most matrices of a GGUF file are whose `general.file_type` is this number."""
    return _OF_FILE_TYPE.get(number) if isinstance(number, int) else None


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
