// Turns square blocks of 32-bit words.

#pragma once

#include "simd.h"

namespace max {

// Words on a side of the block.
constexpr int64_t kTransposed = kFloats;

#if defined(__AVX512F__)
constexpr int64_t kHalf = 8;

// Vector j of `columns`, of kHalf: word `first + j` of rows[0], rows[1] and so on.
template <typename T>
MAX_INLINE void transpose_half(const T* const* rows, int64_t first, Words* columns) {
  auto at = [&](int64_t row) {
    return _mm256_loadu_si256(
        reinterpret_cast<const __m256i*>(reinterpret_cast<const uint32_t*>(rows[row]) + first));
  };
  // Row i and row i + 4 of eight rows side by side, so that no quarter has to cross in between.
  Words a[8], b[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    int row = i / 4 * 8 + i % 4;
    a[i] = _mm512_mask_broadcast_i64x4(_mm512_castsi256_si512(at(row)), 0xf0, at(row + 4));
  }
#pragma GCC unroll 8
  for (int i = 0; i < 8; i += 2) {
    b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 8; i += 4) {
    a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
    a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
    a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
    a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
  }
  // a[j], a[4 + j]: words j and 4 + j of rows 0 to 3, then 4 to 7; of rows 8 to 11, then 12 to 15.
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    columns[j] = _mm512_shuffle_i32x4(a[j], a[4 + j], 0x88);
    columns[4 + j] = _mm512_shuffle_i32x4(a[j], a[4 + j], 0xdd);
  }
}
#endif

// to[j * stride + i] = word `first + j` of rows[i], for i and j below kTransposed.
template <typename T>
MAX_INLINE void transpose_words(const T* const* rows, int64_t first, uint32_t* to, int64_t stride) {
#if defined(__AVX512F__)
  for (int64_t j = 0; j < kTransposed; j += kHalf, to += kHalf * stride) {
    Words columns[kHalf];
    transpose_half(rows, first + j, columns);
#pragma GCC unroll 8
    for (int64_t i = 0; i < kHalf; ++i) _mm512_storeu_si512(to + i * stride, columns[i]);
  }
#else
  for (int64_t j = 0; j < kTransposed; ++j)
    for (int64_t i = 0; i < kTransposed; ++i)
      to[j * stride + i] = reinterpret_cast<const uint32_t*>(rows[i])[first + j];
#endif
}

}  // namespace max
