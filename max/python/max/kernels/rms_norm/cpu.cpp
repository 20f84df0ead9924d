// max::rms_norm on the CPU: one pass for the sum of squares, one for the result.
//
// Rows are independent and summed in a fixed order, so a row's result does not depend on the batch.

#include <cmath>
#include <cstdint>
#include <cstring>

#define MAX_EXPORT extern "C" __attribute__((visibility("default")))
#if defined(__x86_64__)
#define MAX_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define MAX_CLONES
#endif

namespace {

constexpr int64_t kLanes = 16;

inline float load(float x) { return x; }

inline float load(uint16_t bfloat16) {
  uint32_t bits = static_cast<uint32_t>(bfloat16) << 16;
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

inline void store(float x, float* to) { *to = x; }

// Rounds to the nearest bfloat16, ties to even; a NaN stays one.
inline void store(float x, uint16_t* to) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  *to = static_cast<uint16_t>(x != x ? (bits >> 16) | 0x40 : rounded);
}

template <typename T>
inline float rounded(float x) {
  T stored;
  store(x, &stored);
  return load(stored);
}

// x and out: [rows, dim]; weight: [dim].
template <typename T>
inline __attribute__((always_inline)) void rms_norm(const T* x, const T* weight, T* out,
                                                    int64_t rows, int64_t dim, float eps,
                                                    float offset, bool multiply_before_cast) {
  for (int64_t row = 0; row < rows; ++row, x += dim, out += dim) {
    float sums[kLanes] = {};
    int64_t i = 0;
    for (; i + kLanes <= dim; i += kLanes)
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        float value = load(x[i + lane]);
        sums[lane] += value * value;
      }
    for (; i < dim; ++i) sums[i % kLanes] += load(x[i]) * load(x[i]);
    float sum = 0;
    for (float part : sums) sum += part;
    float scale = 1.0f / std::sqrt(sum / static_cast<float>(dim) + eps);
    if (multiply_before_cast) {
      for (int64_t j = 0; j < dim; ++j)
        store(load(x[j]) * scale * (load(weight[j]) + offset), &out[j]);
    } else {
      for (int64_t j = 0; j < dim; ++j)
        store(rounded<T>(load(x[j]) * scale) * rounded<T>(load(weight[j]) + offset), &out[j]);
    }
  }
}

}  // namespace

MAX_EXPORT MAX_CLONES void rms_norm_float32(const float* x, const float* weight, float* out,
                                            int64_t rows, int64_t dim, float eps, float offset,
                                            bool multiply_before_cast) {
  rms_norm(x, weight, out, rows, dim, eps, offset, multiply_before_cast);
}

MAX_EXPORT MAX_CLONES void rms_norm_bfloat16(const uint16_t* x, const uint16_t* weight,
                                             uint16_t* out, int64_t rows, int64_t dim, float eps,
                                             float offset, bool multiply_before_cast) {
  rms_norm(x, weight, out, rows, dim, eps, offset, multiply_before_cast);
}
