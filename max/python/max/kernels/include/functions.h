// Elementary functions on vectors. Errors are relative to the result unless said otherwise, measured
// over all floats of a range (test_elementwise.py); NaN stays NaN.

#pragma once

#include "simd.h"

namespace max {

typedef int32_t Ints __attribute__((vector_size(kFloats * 4)));

MAX_INLINE Floats square_root(Floats x) {
#if defined(__AVX512F__)
  return _mm512_sqrt_ps(x);
#elif defined(__AVX2__)
  return _mm256_sqrt_ps(x);
#else
  for (int64_t i = 0; i < kFloats; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
#endif
}

MAX_INLINE Floats magnitude(Floats x) { return (Floats)((PlainWords)x & 0x7fffffff); }
MAX_INLINE Floats with_sign_of(Floats x, Floats sign) {
  return (Floats)((PlainWords)x | ((PlainWords)sign & 0x80000000));
}

// c[0] * x^(n - 1) + .. + c[n - 1].
template <int64_t n>
MAX_INLINE Floats polynomial(Floats x, const float (&c)[n]) {
  Floats p = broadcast(c[0]);
  for (int64_t i = 1; i < n; ++i) p = multiply_add(p, x, broadcast(c[i]));
  return p;
}

// e^x to 1e-7 (Cephes' polynomial); numbers below float's smallest normal one, and infinity, are those
// of e^x. exponential(0) is 1.
MAX_INLINE Floats exponential(Floats x) {
  constexpr float kLog2E = 1.44269504f, kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // its sum with a number has the nearest integer in the low bits
  constexpr int32_t kRoundBits = 0x4b400000, kBias = 127, kMantissa = 23;
  Floats most = broadcast(89.0f), least = broadcast(-104.0f);
  Floats clamped = x < least ? least : x > most ? most : x;
  Floats shifted = multiply_add(clamped, broadcast(kLog2E), broadcast(kRound));
  Floats power = shifted - broadcast(kRound);
  Floats r = multiply_add(power, broadcast(-kLn2High), clamped);
  r = multiply_add(power, broadcast(-kLn2Low), r);
  Floats p = polynomial(r, {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f,
                            1.6666665459e-1f, 5.0000001201e-1f});
  p = multiply_add(p * r, r, r) + broadcast(1.0f);
  // 2^power in two factors, for either may not be a normal number's.
  Ints whole = (Ints)shifted - kRoundBits, half = whole >> 1;
  Floats first = (Floats)((half + kBias) << kMantissa);
  Floats second = (Floats)((whole - half + kBias) << kMantissa);
  return p * first * second;
}

// 1 / (1 + e^-x), to 2e-7.
MAX_INLINE Floats sigmoid(Floats x) {
  return broadcast(1.0f) / (broadcast(1.0f) + exponential(zeros() - x));
}

// The hyperbolic tangent, to 2e-7 (Cephes' polynomial near 0).
MAX_INLINE Floats hyperbolic_tangent(Floats x) {
  Floats size = magnitude(x), square = x * x;
  Floats near = polynomial(square, {-5.70498872745e-3f, 2.06390887954e-2f, -5.37397155531e-2f,
                                    1.33314422036e-1f, -3.33332819422e-1f});
  near = multiply_add(near * square, x, x);
  Floats far = broadcast(1.0f) - broadcast(2.0f) / (exponential(size + size) + broadcast(1.0f));
  return size < broadcast(0.625f) ? near : x == x ? with_sign_of(far, x) : x;
}

// The error function, to 2e-7 (minimax polynomials by N. Juffa).
MAX_INLINE Floats error_function(Floats x) {
  Floats size = magnitude(x), square = x * x;
  Floats near = polynomial(square, {-5.96761703e-4f, 4.99119423e-3f, -2.67681349e-2f, 1.12819925e-1f,
                                    -3.76125336e-1f, 1.28379166e-1f});
  near = multiply_add(near, x, x);
  Floats r = multiply_add(broadcast(-1.72853470e-5f), size, broadcast(3.83197126e-4f));
  Floats u = multiply_add(broadcast(-3.88396438e-3f), size, broadcast(2.42546219e-2f));
  r = multiply_add(r, square, u);
  r = multiply_add(r, size, broadcast(-1.06777877e-1f));
  r = multiply_add(r, size, broadcast(-6.34846687e-1f));
  r = multiply_add(r, size, broadcast(-1.28717512e-1f));
  r = multiply_add(r, size, zeros() - size);
  // Beyond 4 it is 1 to float's last place, and the polynomial no longer holds.
  r = size > broadcast(4.0f) ? broadcast(-104.0f) : r;
  Floats far = broadcast(1.0f) - exponential(r);
  return size <= broadcast(0.927734375f) ? near : x == x ? with_sign_of(far, x) : x;
}

// Activations, computed as torch computes them.
MAX_INLINE Floats relu(Floats x) { return x < zeros() ? zeros() : x; }
MAX_INLINE Floats silu(Floats x) {
  return x / (broadcast(1.0f) + exponential(zeros() - x));
}
MAX_INLINE Floats gelu_quick(Floats x) {
  return x / (broadcast(1.0f) + exponential(broadcast(-1.702f) * x));
}
MAX_INLINE Floats gelu(Floats x) {
  constexpr float kRootOfHalf = 0.70710678f;
  return broadcast(0.5f) * x * (broadcast(1.0f) + error_function(x * broadcast(kRootOfHalf)));
}
MAX_INLINE Floats gelu_tanh(Floats x) {
  constexpr float kRootOfTwoOverPi = 0.79788456f, kCubic = 0.044715f;
  Floats inner = broadcast(kRootOfTwoOverPi) * (x + broadcast(kCubic) * x * x * x);
  return broadcast(0.5f) * x * (broadcast(1.0f) + hyperbolic_tangent(inner));
}

}  // namespace max
