// max::layer_norm on the CPU: a pass for the mean, one for the variance, one for the result.
//
// Rows are independent and summed in a fixed order, so a row's result does not depend on the batch.

#include "../include/layer_norm.h"

#include <cmath>
#include <type_traits>

#include "../include/elementwise.h"

namespace {

using namespace max;

// Elements that are worth another thread.
constexpr int64_t kGrain = 1 << 14;

// The mean of f(x) over a row.
template <typename T, typename F>
float mean(const T* x, int64_t dim, const F& f) {
  float sums[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= dim; i += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane) sums[lane] += f(load(x[i + lane]));
  for (; i < dim; ++i) sums[i % kLanes] += f(load(x[i]));
  return sum_lanes(sums) / static_cast<float>(dim);
}

template <typename T>
void normalize(const LayerNormArgs& args, const T* x, T* out) {
  const T* weight = static_cast<const T*>(args.weight);
  const T* bias = static_cast<const T*>(args.bias);
  float center = mean(x, args.dim, [](float value) { return value; });
  float variance = mean(x, args.dim, [=](float value) { return (value - center) * (value - center); });
  float scale = 1.0f / std::sqrt(variance + args.eps);
  for (int64_t i = 0; i < args.dim; ++i) {
    float value = (load(x[i]) - center) * scale;
    if (weight != nullptr) value *= load(weight[i]);
    if (bias != nullptr) value += load(bias[i]);
    store(value, &out[i]);
  }
}

}  // namespace

MAX_EXPORT void layer_norm(const LayerNormArgs* args, Pool* pool) {
  int64_t grain = kGrain / std::max<int64_t>(1, args->dim);
  with_type(args->type, [&](auto* type) {
    using T = std::remove_const_t<std::remove_pointer_t<decltype(type)>>;
    parallel_for(pool, args->rows, grain, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        normalize(*args, static_cast<const T*>(args->x) + row * args->dim,
                  static_cast<T*>(args->out) + row * args->dim);
    });
  });
}
