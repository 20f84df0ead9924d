"""The numbers that weights in planes stand for, in Triton; see `max.graph.quantization`.

A byte of the plane of numbers holds two of 4 bits, the low and the high one, which stand SPAN
elements apart; or one of 8 bits. Functions are of byte `i` of block `block`, which is counted over
all rows.
"""

from __future__ import annotations

from max.kernels.gpu.language import Pointer, Value, gpu_function, tl


@gpu_function
def column_of(byte: Value, BYTES: tl.constexpr, SPAN: tl.constexpr) -> Value:
    """The element that the low number of a row's byte is; the high one is SPAN further.

    Args:
        byte: of the row's part of the plane of numbers.
        BYTES: of a block's part.
        SPAN: 0 for one number of 8 bits in a byte.
    """
    if SPAN == 0:
        return byte
    inside = byte % BYTES
    return byte // BYTES * (2 * BYTES) + inside // SPAN * (2 * SPAN) + inside % SPAN


@gpu_function
def half_at(plane: Pointer, place: Value, mask: Value) -> Value:
    """The float16 at a place, counted in float16, as float32."""
    halves = plane.to(tl.pointer_type(tl.float16))
    return tl.load(halves + place, mask=mask, other=0.0).to(tl.float32)


@gpu_function
def small_scale(
    plane: Pointer, block: Value, group: Value, mask: Value, IS_MINIMUM: tl.constexpr
) -> Value:
    """A scale of 6 bits of Q4_K and Q5_K, or a minimum, of one of 8 groups of 32 elements."""
    start = plane + block * 12
    own = 4 if IS_MINIMUM else 0
    low = tl.load(start + own + group % 4, mask=mask, other=0).to(tl.int32)
    rest = tl.load(start + 8 + group % 4, mask=mask, other=0).to(tl.int32)
    if IS_MINIMUM:
        rest = rest >> 4
    return tl.where(group < 4, low & 63, (rest & 15) | ((low >> 2) & 48)).to(tl.float32)


@gpu_function
def float4(number: Value) -> Value:
    """Twice what four bits of e2m1 stand for: 0, 1, 2, 3, 4, 6, 8, 12, and their negatives.

    float16 has the same order of bits, and an exponent that counts from 15 instead of 1.
    """
    half = (((number & 8) << 12) | ((number & 7) << 9)).to(tl.int16)
    return half.to(tl.float16, bitcast=True).to(tl.float32) * 32768.0


@gpu_function
def exponent_at(plane: Pointer, place: Value, mask: Value) -> Value:
    """Half of the power of two that a byte stands for (e8m0); 0 for the smallest, 2^-127."""
    byte = tl.load(plane + place, mask=mask, other=0).to(tl.int32)
    return (byte << 23).to(tl.float32, bitcast=True) * 0.5


@gpu_function
def decoded(
    first: Pointer,
    second: Pointer,
    third: Pointer,
    fourth: Pointer,
    place: Value,
    block: Value,
    i: Value,
    mask: Value,
    ENCODING: tl.constexpr,
    IS_HIGH: tl.constexpr,
) -> Value:
    """The numbers as float32.

    Args:
        first: the planes, in the order of the file; those that an encoding does not have are any.
        second: see `first`.
        third: see `first`.
        fourth: see `first`.
        place: of the byte in the plane of numbers.
        block: of all rows.
        i: byte of the block's part of the plane of numbers.
        mask: where there are any.
        ENCODING: of the blocks.
        IS_HIGH: whether the high number of the byte is meant.
    """
    if ENCODING == "q8_0":
        number = tl.load(second + place, mask=mask, other=0).to(tl.int8, bitcast=True)
        return number.to(tl.float32) * half_at(first, block, mask)
    elif ENCODING == "q4_0":
        number = four_bits(second, place, mask, IS_HIGH)
        return (number - 8).to(tl.float32) * half_at(first, block, mask)
    elif ENCODING == "q4_1":
        number = four_bits(second, place, mask, IS_HIGH)
        scale, least = half_at(first, 2 * block, mask), half_at(first, 2 * block + 1, mask)
        return number.to(tl.float32) * scale + least
    elif ENCODING == "q5_0":
        number = four_bits(third, place, mask, IS_HIGH)
        number |= fifth_bit(second, block, i, mask, IS_HIGH)
        return (number - 16).to(tl.float32) * half_at(first, block, mask)
    elif ENCODING == "q5_1":
        number = four_bits(third, place, mask, IS_HIGH)
        number |= fifth_bit(second, block, i, mask, IS_HIGH)
        scale, least = half_at(first, 2 * block, mask), half_at(first, 2 * block + 1, mask)
        return number.to(tl.float32) * scale + least
    elif ENCODING == "mxfp4":
        return float4(four_bits(second, place, mask, IS_HIGH)) * exponent_at(first, block, mask)
    elif ENCODING == "q6_k":
        number = four_bits(first, place, mask, IS_HIGH)
        shift = i % 64 // 32 * 2 + (4 if IS_HIGH else 0)
        more = tl.load(second + block * 64 + i // 64 * 32 + i % 32, mask=mask, other=0)
        number |= ((more.to(tl.int32) >> shift) & 3) << 4
        group = i // 64 * 8 + i % 64 // 16 + (4 if IS_HIGH else 0)
        scale = tl.load(third + block * 16 + group, mask=mask, other=0).to(tl.int8, bitcast=True)
        scale = scale.to(tl.float32) * half_at(fourth, block, mask)
        return (number - 32).to(tl.float32) * scale
    else:
        tl.static_assert(ENCODING == "q4_k" or ENCODING == "q5_k")
        group = i // 32 * 2 + (1 if IS_HIGH else 0)
        if ENCODING == "q5_k":
            number = four_bits(fourth, place, mask, IS_HIGH)
            more = tl.load(third + block * 32 + i % 32, mask=mask, other=0).to(tl.int32)
            number |= ((more >> group) & 1) << 4
        else:
            number = four_bits(third, place, mask, IS_HIGH)
        scale = half_at(first, 2 * block, mask) * small_scale(second, block, group, mask, False)
        least = half_at(first, 2 * block + 1, mask) * small_scale(second, block, group, mask, True)
        return number.to(tl.float32) * scale - least


@gpu_function
def four_bits(plane: Pointer, place: Value, mask: Value, IS_HIGH: tl.constexpr) -> Value:
    """The low or the high half of a byte."""
    byte = tl.load(plane + place, mask=mask, other=0).to(tl.int32)
    return byte >> 4 if IS_HIGH else byte & 15


@gpu_function
def fifth_bit(plane: Pointer, block: Value, i: Value, mask: Value, IS_HIGH: tl.constexpr) -> Value:
    """The highest bit of a number of 5 bits, in its place: bit e of 32 is element e's."""
    start = plane + block * 4 + (2 if IS_HIGH else 0)
    bits = tl.load(start + i // 8, mask=mask, other=0).to(tl.int32)
    return ((bits >> (i % 8)) & 1) << 4
