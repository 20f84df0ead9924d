// e^x on vectors.

#pragma once

#include "simd.h"

namespace max {

typedef int32_t Ints __attribute__((vector_size(kFloats * 4)));

// e^x to about 1e-7 of it (Cephes' polynomial); 0 below -87, e^88 above 88. exponential(0) is 1.
MAX_INLINE Floats exponential(Floats x) {
  constexpr float kLog2E = 1.44269504f, kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // its sum with a number has the nearest integer in the low bits
  constexpr int32_t kRoundBits = 0x4b400000, kBias = 127, kMantissa = 23;
  Floats most = broadcast(88.0f), least = broadcast(-87.0f);
  Floats clamped = x < least ? least : x > most ? most : x;
  Floats shifted = multiply_add(clamped, broadcast(kLog2E), broadcast(kRound));
  Floats power = shifted - broadcast(kRound);
  Floats r = multiply_add(power, broadcast(-kLn2High), clamped);
  r = multiply_add(power, broadcast(-kLn2Low), r);
  Floats p = broadcast(1.9875691500e-4f);
  for (float c : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f,
                  5.0000001201e-1f})
    p = multiply_add(p, r, broadcast(c));
  p = multiply_add(p * r, r, r) + broadcast(1.0f);
  Floats scale = (Floats)(((Ints)shifted - kRoundBits + kBias) << kMantissa);
  return x < least ? zeros() : p * scale;
}

}  // namespace max
