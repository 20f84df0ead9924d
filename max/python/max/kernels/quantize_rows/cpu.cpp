// The search for scales of quantize_rows/reference.py, a group of elements in each lane.
//
// A group's sums run over its elements in sequence, so all instruction sets find the same.

#include "../include/quantize_rows.h"

#include <cmath>

#include "../include/pool.h"
#include "../include/transpose.h"

namespace {

using namespace max;

constexpr int64_t kMostElements = 32;
// Groups that are worth another thread.
constexpr int64_t kGrain = 256;
// Distance of the candidates, in numbers that the largest element may become.
constexpr float kStep = 0.1f;
constexpr int64_t kCandidatesOfScale = 9;
constexpr float kNothing = 1e-15f;

// 1.5 x 2^23: beyond it there are whole numbers only, and halves round to even ones.
MAX_INLINE Floats nearest(Floats x) { return (x + 12582912.0f) - 12582912.0f; }
MAX_INLINE Floats least(Floats a, Floats b) { return a < b ? a : b; }
MAX_INLINE Floats most(Floats a, Floats b) { return a > b ? a : b; }
MAX_INLINE Floats clamp(Floats x, float low, float high) {
  return least(most(x, broadcast(low)), broadcast(high));
}
MAX_INLINE Floats magnitude(Floats x) { return most(x, -x); }
MAX_INLINE Floats square_root(Floats x) {
  float lanes[kFloats];
  store_floats(lanes, x);
  for (float& lane : lanes) lane = std::sqrt(lane);
  return load_floats(lanes);
}

struct Found {
  Floats scale, min;
};

// x: element i of every group.
Found search_scale_and_min(const Floats* x, const QuantizeRowsArgs& args) {
  int64_t n = args.elements;
  Floats low = zeros(), high = x[0], squares = zeros();
  for (int64_t i = 0; i < n; ++i) {
    low = least(low, x[i]);
    high = most(high, x[i]);
    squares = squares + x[i] * x[i];
  }
  Floats spread = high - low;
  Floats inverse = spread > 0.0f ? 1.0f / spread : zeros();
  // Large elements matter more: they contribute more to the products with activations.
  Floats typical = square_root(squares / static_cast<float>(n));
  Floats weights[kMostElements], weighted[kMostElements], above[kMostElements];
  Floats sum_w = zeros(), sum_x = zeros();
  for (int64_t i = 0; i < n; ++i) {
    weights[i] = typical + magnitude(x[i]);
    weighted[i] = weights[i] * x[i];
    above[i] = x[i] - low;
    sum_w = sum_w + weights[i];
    sum_x = sum_x + weighted[i];
  }
  Floats numbers[kMostElements];
  auto error_of = [&](Floats scale, Floats min) MAX_INLINE_LAMBDA {
    Floats error = zeros();
    for (int64_t i = 0; i < n; ++i) {
      Floats off = scale * numbers[i] + min - x[i];
      error = error + weights[i] * (off * off);
    }
    return error;
  };
  Floats scale = spread / args.levels, min = low;
  Floats factor = args.levels * inverse;
  for (int64_t i = 0; i < n; ++i) numbers[i] = clamp(nearest(above[i] * factor), 0, args.levels);
  Floats best = error_of(scale, min);
  for (int64_t step = 0; step <= args.steps; ++step) {
    factor = (args.first + kStep * static_cast<float>(step) + args.levels) * inverse;
    Floats sum_l = zeros(), sum_l2 = zeros(), sum_xl = zeros();
    for (int64_t i = 0; i < n; ++i) {
      Floats number = clamp(nearest(above[i] * factor), 0, args.levels);
      Floats weighted_number = weights[i] * number;
      numbers[i] = number;
      sum_l = sum_l + weighted_number;
      sum_l2 = sum_l2 + weighted_number * number;
      sum_xl = sum_xl + weighted[i] * number;
    }
    Floats determinant = sum_w * sum_l2 - sum_l * sum_l;
    Floats fitted = (sum_w * sum_xl - sum_x * sum_l) / determinant;
    Floats fitted_min = (sum_l2 * sum_x - sum_l * sum_xl) / determinant;
    fitted = fitted_min > 0.0f ? sum_xl / sum_l2 : fitted;
    fitted_min = least(fitted_min, zeros());
    Floats error = error_of(fitted, fitted_min);
    auto is_better = (determinant > 0.0f) & (error < best);
    best = is_better ? error : best;
    scale = is_better ? fitted : scale;
    min = is_better ? fitted_min : min;
  }
  return {spread > 0.0f ? scale : zeros(), -min};
}

Floats search_scale(const Floats* x, const QuantizeRowsArgs& args) {
  int64_t n = args.elements;
  Floats largest = x[0];
  for (int64_t i = 1; i < n; ++i) largest = magnitude(x[i]) > magnitude(largest) ? x[i] : largest;
  auto is_something = magnitude(largest) >= kNothing;
  Floats inverse = is_something ? -1.0f / largest : zeros();
  Floats weights[kMostElements], weighted[kMostElements];
  for (int64_t i = 0; i < n; ++i) {
    weights[i] = x[i] * x[i];
    weighted[i] = weights[i] * x[i];
  }
  Floats scale = zeros(), best = zeros();
  auto attempt = [&](int64_t step) MAX_INLINE_LAMBDA {
    Floats factor = (args.levels + kStep * static_cast<float>(step)) * inverse;
    Floats sum_xl = zeros(), sum_l2 = zeros();
    for (int64_t i = 0; i < n; ++i) {
      Floats number = clamp(nearest(x[i] * factor), -args.levels, args.levels - 1);
      sum_xl = sum_xl + weighted[i] * number;
      sum_l2 = sum_l2 + weights[i] * (number * number);
    }
    auto is_better = (sum_l2 > 0.0f) & (sum_xl * sum_xl > best * sum_l2);
    Floats fitted = sum_xl / sum_l2;
    scale = is_better ? fitted : scale;
    best = is_better ? fitted * sum_xl : best;
  };
  attempt(0);
  for (int64_t step = -kCandidatesOfScale; step <= kCandidatesOfScale; ++step)
    if (step != 0) attempt(step);
  return is_something ? scale : zeros();
}

// Of groups first .. first + count, at most kFloats.
void search(const QuantizeRowsArgs& args, int64_t first, int64_t count) {
  const float* groups[kFloats];
  for (int64_t lane = 0; lane < kFloats; ++lane)
    groups[lane] = args.x + (first + std::min(lane, count - 1)) * args.elements;
  uint32_t words[kMostElements * kFloats];
  for (int64_t i = 0; i < args.elements; i += kTransposed)
    transpose_words(groups, i, words + i * kFloats, kFloats);
  Floats x[kMostElements];
  for (int64_t i = 0; i < args.elements; ++i) x[i] = (Floats)load_words(words + i * kFloats);

  Found found = args.mins ? search_scale_and_min(x, args) : Found{search_scale(x, args), zeros()};
  float scales[kFloats], mins[kFloats];
  store_floats(scales, found.scale);
  store_floats(mins, found.min);
  std::copy_n(scales, count, args.scales + first);
  if (args.mins) std::copy_n(mins, count, args.mins + first);
}

}  // namespace

MAX_EXPORT void quantize_rows(const QuantizeRowsArgs* args, Pool* pool) {
  parallel_for(pool, args->groups, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += kFloats) search(*args, i, std::min(kFloats, end - i));
  });
}
