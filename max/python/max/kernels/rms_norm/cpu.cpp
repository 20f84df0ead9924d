// max::rms_norm on the CPU: one pass for the sum of squares, one for the result.
//
// Rows are independent and summed in a fixed order, so a row's result does not depend on the batch.

#include "../include/rms_norm.h"

#include <cmath>

#include "../include/pool.h"

namespace {

using namespace max;

// Elements that are worth another thread.
constexpr int64_t kGrain = 1 << 14;

template <typename T>
void normalize(const RmsNormArgs& args, const T* x, T* out) {
  const T* weight = static_cast<const T*>(args.weight);
  float sums[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= args.dim; i += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      float value = load(x[i + lane]);
      sums[lane] += value * value;
    }
  for (; i < args.dim; ++i) sums[i % kLanes] += load(x[i]) * load(x[i]);
  float scale = 1.0f / std::sqrt(sum_lanes(sums) / static_cast<float>(args.dim) + args.eps);
  if (args.multiply_before_cast) {
    for (int64_t j = 0; j < args.dim; ++j)
      store(load(x[j]) * scale * (load(weight[j]) + args.weight_offset), &out[j]);
  } else {
    for (int64_t j = 0; j < args.dim; ++j)
      store(rounded<T>(load(x[j]) * scale) * rounded<T>(load(weight[j]) + args.weight_offset), &out[j]);
  }
}

template <typename T>
void normalize_rows(const RmsNormArgs& args, Pool* pool) {
  int64_t grain = kGrain / std::max<int64_t>(1, args.dim);
  parallel_for(pool, args.rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      normalize(args, static_cast<const T*>(args.x) + row * args.dim,
                static_cast<T*>(args.out) + row * args.dim);
  });
}

}  // namespace

MAX_EXPORT void rms_norm(const RmsNormArgs* args, Pool* pool) {
  if (args->type == kFloat32)
    normalize_rows<float>(*args, pool);
  else
    normalize_rows<bfloat16>(*args, pool);
}
