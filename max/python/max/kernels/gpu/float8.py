"""Numbers of 8 bits (e4m3fn): 4 of exponent, 3 of mantissa, no infinities."""

from __future__ import annotations

from max.kernels.gpu.language import Pointer, Value, gpu_function, tl


@gpu_function
def float8_numbers(given: Value, IS_NATIVE: tl.constexpr) -> Value:
    """The numbers that bytes stand for, as float8 where that is native, or as float16: exact.

    Args:
        given: uint8.
        IS_NATIVE: whether the device converts them itself.
    """
    if IS_NATIVE:
        return given.to(tl.float8e4nv, bitcast=True)
    else:
        # float16 has the same order of bits, and an exponent that counts from 15 instead of 7.
        word = given.to(tl.int16)
        half = ((word & 0x80) << 8) | ((word & 0x7F) << 7)
        return half.to(tl.float16, bitcast=True) * 256.0


@gpu_function
def store_with_factors(vector: Pointer, i: Value, x: Value, inside: Value, elements: Value) -> None:
    """Writes vectors to a cache of 8 bits; see `max.kernels.eight_bit_entries`.

    Args:
        vector: pointers to where they begin, [vectors, 1].
        i: elements of a vector, [1, elements].
        x: the numbers, float32 [vectors, elements].
        inside: which of them exist.
        elements: of a vector; its factor is behind them.
    """
    largest = tl.max(tl.where(inside, tl.abs(x), 0.0), 1)[:, None]
    factor = tl.where(largest > 0.0, tl.math.div_rn(largest, tl.full([], 448.0, tl.float32)), 1.0)
    numbers = tl.math.div_rn(x, factor + tl.zeros_like(x))
    tl.store(vector + i, numbers.to(vector.dtype.element_ty), mask=inside)
    place = (vector + elements).to(tl.pointer_type(tl.float32))
    tl.store(place, factor, mask=tl.max(inside.to(tl.int32), 1)[:, None] > 0)
