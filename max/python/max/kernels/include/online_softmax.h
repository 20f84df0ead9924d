// The running softmax of a row of scores: tile by tile, in powers of two.

#pragma once

#include <algorithm>
#include <limits>

#include "panel.h"
#include "simd.h"

namespace max {

constexpr float kNothing = -std::numeric_limits<float>::infinity();
constexpr float kLog2OfE = 1.44269504f;

// 2^x for x <= 0, to about 2e-7 of it; 0 far below -126. power_of_two(0) is 1.
MAX_INLINE Floats power_of_two(Floats x) {
#if defined(__AVX512F__)
  Floats r = _mm512_reduce_ps(x, 0x08);  // what is left beside the nearest integer; 0 for infinity
#else
  // Its sum with a number has the nearest integer in the low bits.
  constexpr float kRound = 12582912.0f;
  Floats clamped = x < broadcast(-127.0f) ? broadcast(-127.0f) : x;
  Floats shifted = add(clamped, broadcast(kRound));
  Floats r = clamped - (shifted - broadcast(kRound));
#endif
  Floats p = broadcast(1.535336188319500e-4f);  // Cephes' exp2f
  for (float c : {1.339887440266574e-3f, 9.618437357674640e-3f, 5.550332471162809e-2f,
                  2.402264791363012e-1f, 6.931472028550421e-1f, 1.0f})
    p = multiply_add(p, r, broadcast(c));
#if defined(__AVX512F__)
  return _mm512_scalef_ps(p, x - r);
#else
  typedef int32_t Ints __attribute__((vector_size(kFloats * 4)));
  constexpr int32_t kRoundBits = 0x4b400000, kBias = 127, kMantissa = 23;
  return p * (Floats)(((Ints)shifted - kRoundBits + kBias) << kMantissa);
#endif
}

MAX_INLINE Floats maximum(Floats a, Floats b) {
#if defined(__AVX512F__)
  return _mm512_max_ps(a, b);
#else
  return a > b ? a : b;
#endif
}

MAX_INLINE float largest_lane(Floats x) {
#if defined(__AVX512F__)
  return _mm512_reduce_max_ps(x);
#else
  float lanes[kFloats];
  store_floats(lanes, x);
  return *std::max_element(lanes, lanes + kFloats);
#endif
}

// Stores kPanel elements.
MAX_INLINE void store_panel(const Floats* p, float* to) {
  for (int64_t v = 0; v < kPanel / kFloats; ++v) store_floats(to + v * kFloats, p[v]);
}

MAX_INLINE void store_panel(const Floats* p, bfloat16* to) {
#if defined(__AVX512BF16__)
  for (int64_t v = 0; v < kPanel / kFloats; v += 2) {
    __m512bh both = _mm512_cvtne2ps_pbh(p[v + 1], p[v]);
    std::memcpy(to + v * kFloats, &both, sizeof both);
  }
#else
  float floats[kPanel];
  store_panel(p, floats);
  for (int64_t i = 0; i < kPanel; ++i) store(floats[i], to + i);
#endif
}

// What is known of a row after some tiles: its largest score and, lane by lane, the sum of
// 2^(score - most).
struct alignas(kFloats * sizeof(float)) RowSoftmax {
  float total[kFloats];
  float most;

  MAX_INLINE void clear() {
    most = kNothing;
    store_floats(total, zeros());
  }

  // After a score, of which the sums have nothing.
  MAX_INLINE void start(float score) {
    most = score;
    total[0] = 1;
  }

  // Turns a tile's scores, times `scale`, into probabilities relative to `most`. The row sees
  // [begin, end) of them; the others are 0. Returns what earlier sums have to be multiplied with.
  template <typename Element>
  MAX_INLINE float add_tile(float* scores, float scale, int64_t begin, int64_t end, Element* to) {
    constexpr int64_t vectors = kPanel / kFloats;
    begin = std::max<int64_t>(begin, 0);
    end = std::min(end, kPanel);
    if (begin > 0) std::fill(scores, scores + std::min(begin, kPanel), kNothing);
    if (end < kPanel) std::fill(scores + std::max<int64_t>(end, 0), scores + kPanel, kNothing);
    Floats p[vectors];
    for (int64_t v = 0; v < vectors; ++v)
      p[v] = multiply(load_floats(scores + v * kFloats), broadcast(scale));
    Floats found = p[0];
    for (int64_t v = 1; v < vectors; ++v) found = maximum(found, p[v]);
    float now = std::max(most, largest_lane(found));
    if (now == kNothing) {
      for (int64_t v = 0; v < vectors; ++v) p[v] = zeros();
      store_panel(p, to);
      return 1.0f;
    }
    float shrink = 1.0f;
    Floats sum = load_floats(total);
    if (now != most) {
      Floats ratio = power_of_two(broadcast(most - now));
      sum = multiply(sum, ratio);
      shrink = ratio[0];
      most = now;
    }
    for (int64_t v = 0; v < vectors; ++v) {
      p[v] = power_of_two(p[v] - broadcast(now));
      sum = add(sum, p[v]);
    }
    store_floats(total, sum);
    store_panel(p, to);
    return shrink;
  }

  float sum() const {
    float sum = 0;
    for (float lane : total) sum += lane;
    return sum;
  }
};

}  // namespace max
