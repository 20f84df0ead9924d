"""The numbers that weights in planes stand for, in Triton; see `max.graph.quantization`.

A byte of the plane of numbers holds PER_BYTE of them, the lowest bits first, which stand SPAN
elements apart: two of 4 bits, four of 2, or one of 8. Functions are of byte `i` of block `block`,
which is counted over all rows.
"""

from __future__ import annotations

from max.kernels.gpu.language import Pointer, Value, gpu_function, tl


@gpu_function
def column_of(
    byte: Value, BYTES: tl.constexpr, PER_BYTE: tl.constexpr, SPAN: tl.constexpr
) -> Value:
    """The element that the first number of a row's byte is; each other one is SPAN further.

    Args:
        byte: of the row's part of the plane of numbers.
        BYTES: of a block's part.
        PER_BYTE: numbers in a byte.
        SPAN: how many elements they are apart.
    """
    if PER_BYTE == 1:
        return byte
    inside = byte % BYTES
    first = byte // BYTES * (PER_BYTE * BYTES)
    return first + inside // SPAN * (PER_BYTE * SPAN) + inside % SPAN


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
def nonlinear(number: Value) -> Value:
    """What four bits of IQ4_NL and IQ4_XS stand for: a table of 16 bytes (ggml-common.h)."""
    half = tl.where(number < 8, -654466911485192063, 8167635493787864321)
    return (half >> ((number & 7) * 8)).to(tl.int8).to(tl.float32)


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
    NUMBER: tl.constexpr,
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
        NUMBER: which of the byte's numbers is meant, from 0.
    """
    IS_HIGH: tl.constexpr = NUMBER == 1
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
    elif ENCODING == "iq4_nl":
        number = nonlinear(four_bits(second, place, mask, IS_HIGH))
        return number * half_at(first, block, mask)
    elif ENCODING == "iq4_xs":
        group = i // 16
        low = tl.load(third + block * 4 + group // 2, mask=mask, other=0).to(tl.int32)
        high = tl.load(second + block * 2 + group // 4, mask=mask, other=0).to(tl.int32)
        scale = ((low >> (group % 2 * 4)) & 15) | (((high >> (group % 4 * 2)) & 3) << 4)
        number = nonlinear(four_bits(fourth, place, mask, IS_HIGH))
        return number * (half_at(first, block, mask) * (scale - 32).to(tl.float32))
    elif ENCODING == "q6_k":
        number = four_bits(first, place, mask, IS_HIGH)
        shift = i % 64 // 32 * 2 + (4 if IS_HIGH else 0)
        more = tl.load(second + block * 64 + i // 64 * 32 + i % 32, mask=mask, other=0)
        number |= ((more.to(tl.int32) >> shift) & 3) << 4
        group = i // 64 * 8 + i % 64 // 16 + (4 if IS_HIGH else 0)
        scale = tl.load(third + block * 16 + group, mask=mask, other=0).to(tl.int8, bitcast=True)
        scale = scale.to(tl.float32) * half_at(fourth, block, mask)
        return (number - 32).to(tl.float32) * scale
    elif ENCODING == "tq2_0":
        number = two_bits(first, place, mask, NUMBER) - 1
        return number.to(tl.float32) * half_at(second, block, mask)
    elif ENCODING == "q2_k":
        scales = tl.load(first + block * 16 + of_16(i, NUMBER), mask=mask, other=0).to(tl.int32)
        scale = half_at(third, 2 * block, mask) * (scales & 15).to(tl.float32)
        least = half_at(third, 2 * block + 1, mask) * (scales >> 4).to(tl.float32)
        return two_bits(second, place, mask, NUMBER).to(tl.float32) * scale - least
    elif ENCODING == "q3_k":
        more = tl.load(first + block * 32 + i % 32, mask=mask, other=0).to(tl.int32)
        number = two_bits(second, place, mask, NUMBER)
        number |= ((more >> (i // 32 * 4 + NUMBER)) & 1) << 2
        scale = half_at(fourth, block, mask) * six_bits(third, block, of_16(i, NUMBER), mask)
        return (number - 4).to(tl.float32) * scale
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
def two_bits(plane: Pointer, place: Value, mask: Value, NUMBER: tl.constexpr) -> Value:
    """One of the four numbers of a byte."""
    return (tl.load(plane + place, mask=mask, other=0).to(tl.int32) >> (2 * NUMBER)) & 3


@gpu_function
def of_16(i: Value, NUMBER: tl.constexpr) -> Value:
    """The group of 16 elements of a block of Q2_K or Q3_K that has a number of a byte."""
    return i // 32 * 8 + 2 * NUMBER + i % 32 // 16


@gpu_function
def six_bits(plane: Pointer, block: Value, group: Value, mask: Value) -> Value:
    """A scale of Q3_K, -32 to 31: 4 bits of it lie in 8 bytes, the others in 4 behind them."""
    start = plane + block * 12
    low = tl.load(start + group % 8, mask=mask, other=0).to(tl.int32)
    high = tl.load(start + 8 + group % 4, mask=mask, other=0).to(tl.int32)
    number = ((low >> (group // 8 * 4)) & 15) | (((high >> (group // 4 * 2)) & 3) << 4)
    return (number - 32).to(tl.float32)


@gpu_function
def fifth_bit(plane: Pointer, block: Value, i: Value, mask: Value, IS_HIGH: tl.constexpr) -> Value:
    """The highest bit of a number of 5 bits, in its place: bit e of 32 is element e's."""
    start = plane + block * 4 + (2 if IS_HIGH else 0)
    bits = tl.load(start + i // 8, mask=mask, other=0).to(tl.int32)
    return ((bits >> (i % 8)) & 1) << 4
