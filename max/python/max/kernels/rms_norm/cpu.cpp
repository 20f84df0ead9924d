// max::rms_norm on the CPU: one pass for the sum of squares, one for the result.
//
// Rows are independent and summed in a fixed order, so a row's result does not depend on the batch.

#include <cmath>

#include "../include/elements.h"

namespace {

using namespace max;

// x and out: [rows, dim]; weight: [dim].
template <typename T>
MAX_INLINE void rms_norm(const T* x, const T* weight, T* out, int64_t rows, int64_t dim, float eps,
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
    float scale = 1.0f / std::sqrt(sum_lanes(sums) / static_cast<float>(dim) + eps);
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

MAX_EXPORT void rms_norm_float32(const float* x, const float* weight, float* out,
                                            int64_t rows, int64_t dim, float eps, float offset,
                                            bool multiply_before_cast) {
  rms_norm(x, weight, out, rows, dim, eps, offset, multiply_before_cast);
}

MAX_EXPORT void rms_norm_bfloat16(const bfloat16* x, const bfloat16* weight,
                                             bfloat16* out, int64_t rows, int64_t dim, float eps,
                                             float offset, bool multiply_before_cast) {
  rms_norm(x, weight, out, rows, dim, eps, offset, multiply_before_cast);
}
