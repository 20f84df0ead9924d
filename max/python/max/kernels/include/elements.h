// Elements of tensors as the CPU kernels read and write them: float, bfloat16 as uint16_t, float16.

#pragma once

#include <cstdint>
#include <cstring>

#if defined(__F16C__)
#include <immintrin.h>
#endif

#define MAX_EXPORT extern "C" __attribute__((visibility("default")))
#define MAX_INLINE inline __attribute__((always_inline))
#define MAX_INLINE_LAMBDA __attribute__((always_inline))

namespace max {

using bfloat16 = uint16_t;
struct float16 {
  uint16_t bits;
};

// Matrix products, attention and norms take activations of the first two; all else takes any float.
// The last is for caches only, whose vectors have a factor then (cache_entries.h).
enum ElementType : int32_t { kFloat32 = 0, kBfloat16 = 1, kFloat16 = 2, kInt8 = 3 };

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

// The float that a float16 stands for.
inline float float_of_half(uint16_t bits) {
#if defined(__F16C__)
  return _cvtsh_ss(bits);
#else
  // Its exponent and mantissa as a float's, times 2^112 to make up for the exponents' biases.
  uint32_t wide = (bits & 0x7fffu) << 13;
  float scaled;
  std::memcpy(&scaled, &wide, sizeof scaled);
  scaled *= 0x1p112f;
  std::memcpy(&wide, &scaled, sizeof wide);
  if ((bits & 0x7c00) == 0x7c00) wide |= 0x7f800000u;  // infinity or not a number
  wide |= (bits & 0x8000u) << 16;
  std::memcpy(&scaled, &wide, sizeof scaled);
  return scaled;
#endif
}

// The nearest float16's bits, ties to even; a NaN stays one.
inline uint16_t half_of_float(float x) {
#if defined(__F16C__)
  return _cvtss_sh(x, 0);
#else
  constexpr uint32_t kInfinite = 0x7f800000, kTooLarge = 0x477ff000, kNormal = 0x38800000;
  constexpr uint32_t kBias = 112u << 23, kHalf = 0x3f000000;  // 0.5: its last place is float16's least number
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  uint32_t sign = bits >> 16 & 0x8000, most = bits & 0x7fffffff;
  if (most > kInfinite) return static_cast<uint16_t>(sign | 0x7e00);
  if (most >= kTooLarge) return static_cast<uint16_t>(sign | 0x7c00);
  if (most < kNormal) {
    float shifted;
    std::memcpy(&shifted, &most, sizeof shifted);
    shifted += 0.5f;
    std::memcpy(&most, &shifted, sizeof most);
    return static_cast<uint16_t>(sign | (most - kHalf));
  }
  return static_cast<uint16_t>(sign | (most - kBias + 0xfff + (most >> 13 & 1)) >> 13);
#endif
}

MAX_INLINE float load(float16 x) { return float_of_half(x.bits); }
MAX_INLINE void store(float x, float16* to) { to->bits = half_of_float(x); }

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
