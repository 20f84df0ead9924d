// Elements of tensors as the CPU kernels read and write them: float, and bfloat16 as uint16_t.

#pragma once

#include <cstdint>
#include <cstring>

#define MAX_EXPORT extern "C" __attribute__((visibility("default")))
#define MAX_INLINE inline __attribute__((always_inline))

namespace max {

using bfloat16 = uint16_t;

enum ElementType : int32_t { kFloat32 = 0, kBfloat16 = 1 };

MAX_INLINE float load(float x) { return x; }

MAX_INLINE float load(bfloat16 x) {
  uint32_t bits = static_cast<uint32_t>(x) << 16;
  float wide;
  std::memcpy(&wide, &bits, sizeof wide);
  return wide;
}

MAX_INLINE void store(float x, float* to) { *to = x; }

// Rounds to the nearest bfloat16, ties to even; a NaN stays one.
MAX_INLINE void store(float x, bfloat16* to) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  *to = static_cast<bfloat16>(x != x ? (bits >> 16) | 0x40 : rounded);
}

template <typename To, typename From>
MAX_INLINE To converted(From x) {
  To stored;
  store(load(x), &stored);
  return stored;
}

template <typename T>
MAX_INLINE float rounded(float x) {
  T stored;
  store(x, &stored);
  return load(stored);
}

// Floats that are summed side by side, so that sums are vectors and their order is fixed.
constexpr int64_t kLanes = 16;

MAX_INLINE float sum_lanes(const float* lanes) {
  float sum = 0;
  for (int64_t lane = 0; lane < kLanes; ++lane) sum += lanes[lane];
  return sum;
}

}  // namespace max
