// A vector of the cache as it is stored: its elements; or a byte for each, and a factor of all behind
// them (see eight_bit_entries.py).

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "elements.h"

namespace max {

// What a vector has behind its elements, as elements.
template <typename KV>
constexpr int64_t kFactorElements = 0;
template <>
inline constexpr int64_t kFactorElements<int8_t> = sizeof(float);

constexpr float kLargestCode = 127;

// Sets n bytes to x divided by a factor that makes the largest 127, to even. Returns the factor: not a
// number if an x is not finite or is none, so that nobody takes the bytes for numbers.
inline float encode(const float* x, int64_t n, int8_t* to) {
  constexpr float kRound = 12582912.0f;  // its sum with a number has the nearest integer in the low bits
  constexpr uint32_t kMagnitude = 0x7fffffff, kInfinite = 0x7f800000;
  uint32_t most = 0;
  for (int64_t i = 0; i < n; ++i) {
    uint32_t bits;
    std::memcpy(&bits, x + i, sizeof bits);
    most = std::max(most, bits & kMagnitude);
  }
  if (most >= kInfinite) most = kMagnitude;
  float largest;
  std::memcpy(&largest, &most, sizeof largest);
  float factor = most == 0 ? 1.0f : largest / kLargestCode;
  for (int64_t i = 0; i < n; ++i) {
    float shifted = x[i] / factor + kRound;
    uint32_t bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    to[i] = static_cast<int8_t>(bits);
  }
  return factor;
}

// Writes n floats as a vector of the cache.
template <typename KV>
MAX_INLINE void store_entry(const float* x, int64_t n, KV* to) {
  if constexpr (kFactorElements<KV> > 0) {
    float factor = encode(x, n, to);
    std::memcpy(to + n, &factor, sizeof factor);
  } else {
    for (int64_t i = 0; i < n; ++i) store(x[i], to + i);
  }
}

// The factor of a vector of n bytes.
MAX_INLINE float factor_of(const int8_t* entry, int64_t n) {
  float factor;
  std::memcpy(&factor, entry + n, sizeof factor);
  return factor;
}

}  // namespace max
