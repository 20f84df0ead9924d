// The products of a few rows with a tile of the cache, read where it lies and put in order in
// registers: what decoding does. Term by term the sums of `multiply_panel`, so the same bits.

#pragma once

#include <type_traits>

#include "panel.h"
#include "simd.h"
#include "transpose.h"

namespace max {

// The most rows: a query's heads of one KV head, in most models.
constexpr int64_t kFewRows = 8;

// Tokens of the cache, one pointer each, from element `first` on.
template <typename KV>
struct CachedTokens {
  const KV* const* tokens;
  int64_t count, first;
};

// What is read next: keys of a head's tokens, which lie in sequence, then their values. It is fetched into
// the second cache while what is there is multiplied, a few lines at a time: a processor drops prefetches
// when it has too many under way.
struct NextTokens {
  static constexpr int64_t kLine = 64;  // bytes
  const char* at = nullptr;
  const char* end = nullptr;
  const char* values = nullptr;  // null once they are under way
  int64_t bytes = 0;             // of either

  MAX_INLINE void fetch(int64_t lines) {
    for (int64_t i = 0; i < lines; ++i, at += kLine) {
      if (at >= end) {
        if (values == nullptr) return;
        at = values, end = values + bytes, values = nullptr;
      }
      __builtin_prefetch(at, 0, 2);
    }
  }
};

#if defined(__AVX512F__)

// Of the keys and values that come next, a half is fetched while keys are multiplied, three eighths are
// while values are; the rest is left to the softmax in between.
constexpr int64_t kLinesPerWord = 2, kLinesPerGroup = 3;

template <typename Groups>
MAX_INLINE typename Groups::Weights weights_of(Words words) {
  if constexpr (sizeof(typename Groups::Weights) == sizeof words)
    return (typename Groups::Weights)words;
  else
    return bfloat16_pair(words);
}

// Sets scores [rows][kPanel] to the products of rows with keys of `dim` elements.
// Group g of row r lies at x + (g * rows + r) * the bytes of a group.
template <typename Groups, int64_t rows, typename KV>
void multiply_keys(const CachedTokens<KV>& keys, int64_t dim, const char* x, float* scores,
                   NextTokens& next) {
  constexpr int64_t bytes = Groups::kElements * sizeof(typename Groups::Element);
  // Blocks of keys at a time: enough sums that do not wait for each other.
  constexpr int64_t blocks = rows <= 6 ? 2 : 1;
  int64_t groups = dim / Groups::kElements, first = keys.first / Groups::kElements;
  for (int64_t t = 0; t < keys.count; t += blocks * kFloats) {
    Floats sums[blocks][rows];
    for (int64_t b = 0; b < blocks; ++b)
      for (int64_t r = 0; r < rows; ++r) sums[b][r] = zeros();
    const char* group = x;
    for (int64_t g = 0; g < groups; g += kHalf, group += kHalf * rows * bytes) {
      Words columns[blocks][kHalf];
      for (int64_t b = 0; b < blocks; ++b)
        transpose_half(keys.tokens + t + b * kFloats, first + g, columns[b]);
#pragma GCC unroll 8
      for (int64_t j = 0; j < kHalf; ++j) {
        next.fetch(kLinesPerWord * blocks / 2);
        typename Groups::Weights w[blocks];
        for (int64_t b = 0; b < blocks; ++b) w[b] = weights_of<Groups>(columns[b][j]);
#pragma GCC unroll 8
        for (int64_t r = 0; r < rows; ++r) {
          typename Groups::Activation a = Groups::activation(group + (j * rows + r) * bytes);
          for (int64_t b = 0; b < blocks; ++b) sums[b][r] = Groups::dot(sums[b][r], w[b], a);
        }
      }
    }
    for (int64_t b = 0; b < blocks; ++b)
      for (int64_t r = 0; r < rows; ++r)
        store_floats(scores + r * kPanel + t + b * kFloats, sums[b][r]);
  }
}

// The groups of two vectors of columns, from `column` on, of one token or of two in sequence.
template <typename Groups, typename KV>
MAX_INLINE void value_groups(const KV* const* tokens, int64_t column, typename Groups::Weights* w) {
  if constexpr (Groups::kElements == 1) {
    for (int64_t v = 0; v < 2; ++v) w[v] = Groups::weights(tokens[0] + column + v * kFloats);
  } else {
    // Word i of the first: element i of both tokens; of the second: element 16 + i.
    const Words ones = _mm512_set1_epi32(0x00010001);
    const Words lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const Words first = _mm512_add_epi32(_mm512_mullo_epi32(lanes, ones), _mm512_set1_epi32(32 << 16));
    const Words second = _mm512_add_epi32(first, _mm512_set1_epi32(0x00100010));
    Words even = load_words(tokens[0] + column), odd = load_words(tokens[1] + column);
    w[0] = weights_of<Groups>(_mm512_permutex2var_epi16(even, first, odd));
    w[1] = weights_of<Groups>(_mm512_permutex2var_epi16(even, second, odd));
  }
}

// Adds to sums [rows][kPanel] the products of rows [rows][kPanel] with kPanel columns of values,
// from `column` on.
template <typename Groups, int64_t rows, typename KV>
void multiply_values(const CachedTokens<KV>& values, int64_t column,
                     const typename Groups::Element* x, float* sums, NextTokens& next) {
  constexpr int64_t per = Groups::kElements;
  // As many sums as there are registers for.
  constexpr int64_t vectors = rows <= 6 ? kPanel / kFloats : 2;
  for (int64_t part = 0; part < kPanel; part += vectors * kFloats) {
    Floats tile[rows][vectors];
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t v = 0; v < vectors; ++v) tile[r][v] = zeros();
    for (int64_t t = 0; t < values.count; t += per) {
      typename Groups::Weights w[vectors];
      for (int64_t v = 0; v < vectors; v += 2)
        value_groups<Groups>(values.tokens + t, values.first + column + part + v * kFloats, w + v);
      for (int64_t r = 0; r < rows; ++r) {
        typename Groups::Activation a =
            Groups::activation(reinterpret_cast<const char*>(x + r * kPanel + t));
        for (int64_t v = 0; v < vectors; ++v) tile[r][v] = Groups::dot(tile[r][v], w[v], a);
      }
      if (part == 0) next.fetch(kLinesPerGroup);
    }
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t v = 0; v < vectors; ++v) {
        float* sum = sums + r * kPanel + part + v * kFloats;
        store_floats(sum, add(load_floats(sum), tile[r][v]));
      }
  }
}

#endif

// Calls f with a number of rows, at most kFewRows, as a constant.
template <typename F>
MAX_INLINE void with_rows(int64_t rows, const F& f) {
  static_assert(kFewRows == 8);
  switch (rows) {
    case 1: return f(std::integral_constant<int64_t, 1>{});
    case 2: return f(std::integral_constant<int64_t, 2>{});
    case 3: return f(std::integral_constant<int64_t, 3>{});
    case 4: return f(std::integral_constant<int64_t, 4>{});
    case 5: return f(std::integral_constant<int64_t, 5>{});
    case 6: return f(std::integral_constant<int64_t, 6>{});
    case 7: return f(std::integral_constant<int64_t, 7>{});
    default: return f(std::integral_constant<int64_t, 8>{});
  }
}

}  // namespace max
