"""The functions of `elementwise.functions` in Triton, by the same names; all in float32."""

from __future__ import annotations

from max.kernels.gpu.language import Value, gpu_function, tl


@gpu_function
def tanh(x: Value) -> Value:
    """By the sigmoid: right to 2^-23, and no overflow."""
    return 2.0 * tl.sigmoid(2.0 * x) - 1.0


@gpu_function
def gelu_tanh(x: Value) -> Value:
    """sqrt(2 / pi) = 0.79788456."""
    return 0.5 * x * (1.0 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))


@gpu_function
def of_one(x: Value, first: Value, second: Value, FUNCTION: tl.constexpr) -> Value:
    """A function of one tensor; `first` and `second` are its numbers."""
    if FUNCTION == "cast":
        return x
    elif FUNCTION == "negate":
        return -x
    elif FUNCTION == "abs":
        return tl.abs(x)
    elif FUNCTION == "square":
        return x * x
    elif FUNCTION == "reciprocal":
        return tl.math.div_rn(tl.full(x.shape, 1.0, tl.float32), x)
    elif FUNCTION == "sqrt":
        return tl.math.sqrt_rn(x)
    elif FUNCTION == "rsqrt":
        return tl.math.rsqrt(x)
    elif FUNCTION == "exp":
        return tl.exp(x)
    elif FUNCTION == "tanh":
        return tanh(x)
    elif FUNCTION == "erf":
        return tl.math.erf(x)
    elif FUNCTION == "sigmoid":
        return tl.sigmoid(x)
    elif FUNCTION == "silu":
        return x * tl.sigmoid(x)
    elif FUNCTION == "gelu":
        return 0.5 * x * (1.0 + tl.math.erf(x * 0.7071067811865476))
    elif FUNCTION == "gelu_tanh":
        return gelu_tanh(x)
    elif FUNCTION == "gelu_quick":
        return x * tl.sigmoid(1.702 * x)
    elif FUNCTION == "relu":
        return tl.where(x > 0, x, tl.where(x == x, 0.0, x))
    elif FUNCTION == "relu2":
        return tl.where(x > 0, x * x, tl.where(x == x, 0.0, x))
    elif FUNCTION == "clamp":
        above = tl.where(x < first, first, x)
        return tl.where(above > second, second, above)
    else:
        tl.static_assert(FUNCTION == "soft_cap")
        return first * tanh(x / first)


@gpu_function
def of_two(a: Value, b: Value, FUNCTION: tl.constexpr) -> Value:
    """A function of two tensors, or of a tensor and a number; NaN wins, as torch has it."""
    if FUNCTION == "add":
        return a + b
    elif FUNCTION == "sub":
        return a - b
    elif FUNCTION == "reverse_sub":
        return b - a
    elif FUNCTION == "mul":
        return a * b
    elif FUNCTION == "div":
        return tl.math.div_rn(a, b)
    elif FUNCTION == "maximum":
        return tl.where((a > b) | (a != a), a, b)
    else:
        tl.static_assert(FUNCTION == "minimum")
        return tl.where((a < b) | (a != a), a, b)
