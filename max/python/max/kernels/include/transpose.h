// Turns square blocks of 32-bit words.

#pragma once

#include "simd.h"

namespace max {

// Words on a side of the block.
constexpr int64_t kTransposed = kFloats;

// to[j * stride + i] = word `first + j` of rows[i], for i and j below kTransposed.
#if defined(__AVX512F__)
template <typename T>
MAX_INLINE void transpose_words(const T* const* rows, int64_t first, uint32_t* to, int64_t stride) {
  __m512i a[16], b[16];
  for (int i = 0; i < 16; ++i) a[i] = load_words(reinterpret_cast<const uint32_t*>(rows[i]) + first);
  // Within the four quarters of each vector: blocks of 4 x 4.
  for (int i = 0; i < 16; i += 2) {
    b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
    a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
    a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
    a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
  }
  // Then the quarters: a[4q + j] holds columns j, 4 + j, 8 + j, 12 + j of rows 4q .. 4q + 3.
  for (int j = 0; j < 4; ++j) {
    __m512i even_low = _mm512_shuffle_i32x4(a[j], a[4 + j], 0x88);
    __m512i odd_low = _mm512_shuffle_i32x4(a[j], a[4 + j], 0xdd);
    __m512i even_high = _mm512_shuffle_i32x4(a[8 + j], a[12 + j], 0x88);
    __m512i odd_high = _mm512_shuffle_i32x4(a[8 + j], a[12 + j], 0xdd);
    _mm512_storeu_si512(to + j * stride, _mm512_shuffle_i32x4(even_low, even_high, 0x88));
    _mm512_storeu_si512(to + (4 + j) * stride, _mm512_shuffle_i32x4(odd_low, odd_high, 0x88));
    _mm512_storeu_si512(to + (8 + j) * stride, _mm512_shuffle_i32x4(even_low, even_high, 0xdd));
    _mm512_storeu_si512(to + (12 + j) * stride, _mm512_shuffle_i32x4(odd_low, odd_high, 0xdd));
  }
}
#else
template <typename T>
MAX_INLINE void transpose_words(const T* const* rows, int64_t first, uint32_t* to, int64_t stride) {
  for (int64_t j = 0; j < kTransposed; ++j)
    for (int64_t i = 0; i < kTransposed; ++i)
      to[j * stride + i] = reinterpret_cast<const uint32_t*>(rows[i])[first + j];
}
#endif

}  // namespace max
