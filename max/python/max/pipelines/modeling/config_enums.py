"""Encodings of weights: their dtype, where they run, and whether this release loads them."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, get_args

from max.driver import DeviceSpec
from max.dtype import DType
from max.graph import quantization
from max.graph.quantization import QuantizationEncoding

SupportedEncoding = Literal[
    "float32",
    "bfloat16",
    "float16",
    "float8_e4m3fn",
    "float4_e2m1fnx2",
    "q2_k",
    "q3_k",
    "q4_k",
    "q4_0",
    "q4_1",
    "q5_0",
    "q5_1",
    "q5_k",
    "q6_k",
    "q8_0",
    "iq1_s",
    "iq1_m",
    "iq2_xxs",
    "iq2_xs",
    "iq2_s",
    "iq3_xxs",
    "iq3_s",
    "iq4_nl",
    "iq4_xs",
    "mxfp4",
    "tq1_0",
    "tq2_0",
    "gptq",
]
DeviceType = Literal["cpu", "gpu"]


class EncodingTraits(NamedTuple):
    """What is known about one encoding.

    Attributes:
        dtype: the elements' type as stored; quantized blocks are bytes.
        devices: the device types that can run it.
        loadable: whether this release has a loader for it.
        marker: pattern of its name inside a weight file's name.
    """

    dtype: DType
    devices: tuple[DeviceType, ...]
    loadable: bool
    marker: str


# ggml's blocks.
BLOCK_ENCODINGS: frozenset[SupportedEncoding] = frozenset(
    e.value for e in quantization.BLOCK_ENCODINGS
)
MADE_ENCODINGS: tuple[SupportedEncoding, ...] = tuple(
    e.value for e in quantization.BLOCK_ENCODINGS if e.is_made
)


# Names of recipes that are not those of what most of their tensors are.
_MARKERS: dict[SupportedEncoding, str] = {
    "iq2_s": r"iq2_[sm]",
    "iq3_s": r"iq3_(s|m|xs)",
    "mxfp4": r"mxfp4(_moe)?",
}


def _traits_of_blocks(name: SupportedEncoding) -> EncodingTraits:
    devices = QuantizationEncoding(name).devices
    marker = _MARKERS.get(name, name)
    if name.endswith("_k"):  # llama.cpp's recipes are called small, medium and large
        marker = rf"{name}(_([sml]|xl))?"
    return EncodingTraits(
        DType.uint8, tuple(d for d in get_args(DeviceType) if d in devices), True, marker
    )


_TRAITS: dict[SupportedEncoding, EncodingTraits] = {
    "float32": EncodingTraits(DType.float32, ("cpu", "gpu"), True, r"float32|fp?32"),
    "bfloat16": EncodingTraits(DType.bfloat16, ("cpu", "gpu"), True, r"bfloat16|bf16"),
    "float16": EncodingTraits(DType.float16, ("cpu",), True, r"float16|fp?16"),
    "float8_e4m3fn": EncodingTraits(DType.float8_e4m3fn, ("gpu",), False, r"float8|fp?8|e4m3(fn)?"),
    "float4_e2m1fnx2": EncodingTraits(DType.uint8, ("gpu",), False, r"nvfp4|float4|fp?4"),
    **{name: _traits_of_blocks(name) for name in sorted(BLOCK_ENCODINGS)},
    "gptq": EncodingTraits(DType.uint8, ("gpu",), False, r"gptq"),
}
# Weights stored as these are loaded as either of the first two, or quantized while they load;
# float16 ones may also stay.
_CASTABLE = ("float32", "bfloat16", "float16")


def supported_encodings() -> tuple[SupportedEncoding, ...]:
    """All known encodings, whether or not this release loads them."""
    return get_args(SupportedEncoding)


def loadable_encodings() -> tuple[SupportedEncoding, ...]:
    """The encodings that this release loads."""
    return tuple(name for name, traits in _TRAITS.items() if traits.loadable)


def supported_encoding_dtype(encoding: SupportedEncoding) -> DType:
    """The type of the stored elements (uint8 for packed blocks)."""
    return _TRAITS[encoding].dtype


def supported_encoding_supported_devices(encoding: SupportedEncoding) -> tuple[DeviceType, ...]:
    """The device types that can run the encoding."""
    return _TRAITS[encoding].devices


def supported_encoding_supported_on(encoding: SupportedEncoding, device_spec: DeviceSpec) -> bool:
    """Whether the device can run the encoding."""
    return device_spec.device_type in _TRAITS[encoding].devices


def is_block_encoding(encoding: SupportedEncoding) -> bool:
    """Whether the weights are ggml's blocks, whose layers compute in float32."""
    return encoding in BLOCK_ENCODINGS


def supported_encoding_quantization(encoding: SupportedEncoding) -> QuantizationEncoding | None:
    """The block quantization of most matrices; None for plain elements."""
    return QuantizationEncoding(encoding) if is_block_encoding(encoding) else None


def is_decoded_where_read(encoding: SupportedEncoding) -> bool:
    """Whether matrices stay as they are stored, of half precision too, in a model that computes in
    float32."""
    return encoding == "float16" or is_block_encoding(encoding)


def is_float4_encoding(encoding: SupportedEncoding) -> bool:
    """Whether the elements are 4-bit floats."""
    return encoding == "float4_e2m1fnx2"


def can_cast_encoding(stored: SupportedEncoding, wanted: SupportedEncoding) -> bool:
    """Whether weights stored as one encoding can be loaded as the other.

    float32, bfloat16 and float16 (as many older checkpoints are) load as float32 or bfloat16, or
    are quantized to blocks, if these are of an encoding that is made here. Blocks are not decoded:
    that would only cost memory.
    """
    return stored == wanted or (
        stored in _CASTABLE and (wanted in _CASTABLE[:2] or wanted in MADE_ENCODINGS)
    )


def parse_supported_encoding_from_file_name(name: str) -> SupportedEncoding | None:
    """The encoding that a weight file's name mentions, as in `llama-q4_k_m.gguf`; else None."""
    for encoding, traits in _TRAITS.items():
        if re.search(rf"(?<![a-z0-9])(?:{traits.marker})(?![a-z0-9])", name.lower()):
            return encoding
    return None
