// Vectors of the instruction set that the file is compiled for (see isa.py): `Floats`, as wide as it
// has them, and the products of 4-byte groups of weights with one group of activations.

#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#include "elements.h"

namespace max {

#if defined(__AVX512F__)

using Floats = __m512;
using Words = __m512i;  // 32 bits per lane
constexpr int64_t kFloats = 16;
MAX_INLINE Floats zeros() { return _mm512_setzero_ps(); }
MAX_INLINE Floats broadcast(float x) { return _mm512_set1_ps(x); }
MAX_INLINE Floats load_floats(const float* from) { return _mm512_loadu_ps(from); }
MAX_INLINE void store_floats(float* to, Floats x) { _mm512_storeu_ps(to, x); }
MAX_INLINE Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
MAX_INLINE Floats multiply(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
MAX_INLINE Floats multiply_add(Floats a, Floats b, Floats sum) { return _mm512_fmadd_ps(a, b, sum); }
MAX_INLINE Words load_words(const void* from) { return _mm512_loadu_si512(from); }
MAX_INLINE Words broadcast_word(uint32_t x) { return _mm512_set1_epi32(static_cast<int32_t>(x)); }
MAX_INLINE Floats low_bfloat16(Words x) { return _mm512_castsi512_ps(_mm512_slli_epi32(x, 16)); }
MAX_INLINE Floats high_bfloat16(Words x) {
  return _mm512_castsi512_ps(_mm512_and_si512(x, _mm512_set1_epi32(static_cast<int32_t>(0xffff0000))));
}

#elif defined(__AVX2__)

using Floats = __m256;
using Words = __m256i;
constexpr int64_t kFloats = 8;
MAX_INLINE Floats zeros() { return _mm256_setzero_ps(); }
MAX_INLINE Floats broadcast(float x) { return _mm256_set1_ps(x); }
MAX_INLINE Floats load_floats(const float* from) { return _mm256_loadu_ps(from); }
MAX_INLINE void store_floats(float* to, Floats x) { _mm256_storeu_ps(to, x); }
MAX_INLINE Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
MAX_INLINE Floats multiply(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
MAX_INLINE Floats multiply_add(Floats a, Floats b, Floats sum) { return _mm256_fmadd_ps(a, b, sum); }
MAX_INLINE Words load_words(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}
MAX_INLINE Words broadcast_word(uint32_t x) { return _mm256_set1_epi32(static_cast<int32_t>(x)); }
MAX_INLINE Floats low_bfloat16(Words x) { return _mm256_castsi256_ps(_mm256_slli_epi32(x, 16)); }
MAX_INLINE Floats high_bfloat16(Words x) {
  return _mm256_castsi256_ps(_mm256_and_si256(x, _mm256_set1_epi32(static_cast<int32_t>(0xffff0000))));
}

#else

typedef float Floats __attribute__((vector_size(16)));
typedef uint32_t Words __attribute__((vector_size(16)));
constexpr int64_t kFloats = 4;
MAX_INLINE Floats zeros() { return Floats{}; }
MAX_INLINE Floats broadcast(float x) { return Floats{x, x, x, x}; }
MAX_INLINE Floats load_floats(const float* from) {
  Floats x;
  std::memcpy(&x, from, sizeof x);
  return x;
}
MAX_INLINE void store_floats(float* to, Floats x) { std::memcpy(to, &x, sizeof x); }
MAX_INLINE Floats add(Floats a, Floats b) { return a + b; }
MAX_INLINE Floats multiply(Floats a, Floats b) { return a * b; }
MAX_INLINE Floats multiply_add(Floats a, Floats b, Floats sum) {
#if defined(__ARM_NEON)
  return (Floats)vfmaq_f32((float32x4_t)sum, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + sum;
#endif
}
MAX_INLINE Words load_words(const void* from) {
  Words x;
  std::memcpy(&x, from, sizeof x);
  return x;
}
MAX_INLINE Words broadcast_word(uint32_t x) { return Words{x, x, x, x}; }
MAX_INLINE Floats low_bfloat16(Words x) { return reinterpret_cast<Floats>(x << 16); }
MAX_INLINE Floats high_bfloat16(Words x) { return reinterpret_cast<Floats>(x & 0xffff0000u); }

#endif

// kFloats elements as floats, and floats rounded to them as `store` does (elements.h).
MAX_INLINE Floats load_elements(const float* from) { return load_floats(from); }
MAX_INLINE void store_elements(float* to, Floats x) { store_floats(to, x); }
typedef uint16_t HalfWords __attribute__((vector_size(sizeof(Words) / 2)));
typedef uint32_t PlainWords __attribute__((vector_size(sizeof(Words))));
MAX_INLINE Floats load_elements(const bfloat16* from) {
  HalfWords halves;
  std::memcpy(&halves, from, sizeof halves);
  return (Floats)(__builtin_convertvector(halves, PlainWords) << 16);
}
// The nearest bfloat16's bits, ties to even; a NaN stays one.
MAX_INLINE PlainWords nearest_bfloat16(Floats x) {
  PlainWords bits = (PlainWords)x, top = bits >> 16;
  return x == x ? (bits + 0x7fff + (top & 1)) >> 16 : (top | 0x40);
}
MAX_INLINE void store_elements(bfloat16* to, Floats x) {
  HalfWords halves = __builtin_convertvector(nearest_bfloat16(x), HalfWords);
  std::memcpy(to, &halves, sizeof halves);
}
MAX_INLINE Floats load_elements(const float16* from) {
#if defined(__AVX512F__)
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
#elif defined(__AVX2__)
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
#elif defined(__ARM_NEON)
  return (Floats)vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(reinterpret_cast<const uint16_t*>(from))));
#else
  Floats x;
  for (int64_t i = 0; i < kFloats; ++i) x[i] = load(from[i]);
  return x;
#endif
}
MAX_INLINE void store_elements(float16* to, Floats x) {
#if defined(__AVX512F__)
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtps_ph(x, 0));
#elif defined(__AVX2__)
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_cvtps_ph(x, 0));
#else
  for (int64_t i = 0; i < kFloats; ++i) store(x[i], to + i);
#endif
}
// x rounded to an element and back.
template <typename T>
MAX_INLINE Floats rounded_elements(Floats x) {
  T stored[kFloats];
  store_elements(stored, x);
  return load_elements(stored);
}
template <>
MAX_INLINE Floats rounded_elements<float>(Floats x) {
  return x;
}

// The low and the high elements of words that hold two.
struct Pair {
  Floats low, high;
};
MAX_INLINE Pair bfloat16_pair(Words x) { return {low_bfloat16(x), high_bfloat16(x)}; }
#if defined(__AVX512F__)
MAX_INLINE Pair half_pair(Words x) {
  return {_mm512_cvtph_ps(_mm512_cvtepi32_epi16(x)),
          _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(x, 16)))};
}
#elif defined(__AVX2__)
MAX_INLINE Pair half_pair(Words x) {
  __m256i low = _mm256_and_si256(x, _mm256_set1_epi32(0xffff));
  // Packing leaves the quarters of both crossed.
  __m256i both = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, _mm256_srli_epi32(x, 16)), 0xd8);
  return {_mm256_cvtph_ps(_mm256_castsi256_si128(both)), _mm256_cvtph_ps(_mm256_extracti128_si256(both, 1))};
}
#elif defined(__ARM_NEON)
MAX_INLINE Pair half_pair(Words x) {
  uint16x4_t low = vmovn_u32((uint32x4_t)x), high = vshrn_n_u32((uint32x4_t)x, 16);
  return {(Floats)vcvt_f32_f16(vreinterpret_f16_u16(low)), (Floats)vcvt_f32_f16(vreinterpret_f16_u16(high))};
}
#else
MAX_INLINE Pair half_pair(Words x) {
  uint32_t words[kFloats];
  std::memcpy(words, &x, sizeof words);
  float low[kFloats], high[kFloats];
  for (int64_t i = 0; i < kFloats; ++i) {
    low[i] = float_of_half(static_cast<uint16_t>(words[i]));
    high[i] = float_of_half(static_cast<uint16_t>(words[i] >> 16));
  }
  return {load_floats(low), load_floats(high)};
}
#endif
MAX_INLINE Floats dot_pair(Floats sum, Pair w, Pair x) {
  return multiply_add(w.high, x.high, multiply_add(w.low, x.low, sum));
}

MAX_INLINE uint32_t load_word(const void* from) {
  uint32_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// How groups of four bytes of weights are multiplied with as many activations.
//   Weights: kFloats groups, one per output; Activation: one group for all of them, kElements Elements.
//   kParts: elements of a group that are multiplied one after the other, as fewer registers are needed.

struct Float32Groups {
  using Element = float;
  using Weights = Floats;
  using Activation = Floats;
  static constexpr int64_t kElements = 1;
  static constexpr int kParts = 1;
  static MAX_INLINE Weights weights(const void* from) {
    return load_floats(static_cast<const float*>(from));
  }
  static MAX_INLINE Activation activation(const char* from) {
    return (Floats)broadcast_word(load_word(from));
  }
  static MAX_INLINE Floats dot(Floats sum, Weights w, Activation x) { return multiply_add(w, x, sum); }
};

// Weights of 16 bits and activations of 32.
template <Pair (*unpacked)(Words)>
struct MixedGroups {
  using Element = float;
  using Weights = Pair;
  using Activation = Pair;
  static constexpr int64_t kElements = 2;
  static constexpr int kParts = 2;
  static MAX_INLINE Weights weights(const void* from) { return unpacked(load_words(from)); }
  template <int part>
  static MAX_INLINE Floats part_of_weights(const void* from) {
    return part == 0 ? weights(from).low : weights(from).high;
  }
  template <int part>
  static MAX_INLINE Floats part_of_activation(const char* from) {
    return (Floats)broadcast_word(load_word(from + 4 * part));
  }
  static MAX_INLINE Activation activation(const char* from) {
    return {(Floats)broadcast_word(load_word(from)), (Floats)broadcast_word(load_word(from + 4))};
  }
  static MAX_INLINE Floats dot(Floats sum, Weights w, Activation x) { return dot_pair(sum, w, x); }
};
using MixedBfloat16Groups = MixedGroups<bfloat16_pair>;
using MixedHalfGroups = MixedGroups<half_pair>;

// Weights and activations of bfloat16: in pairs, or exactly as floats.
#if defined(__AVX512BF16__)
constexpr bool kMultipliesPairs = true;
struct Bfloat16Groups {
  using Element = bfloat16;
  static constexpr int64_t kElements = 2;
  static constexpr int kParts = 1;
  using Weights = __m512bh;
  using Activation = __m512bh;
  static MAX_INLINE Weights weights(const void* from) { return (__m512bh)load_words(from); }
  static MAX_INLINE Activation activation(const char* from) {
    return (__m512bh)broadcast_word(load_word(from));
  }
  static MAX_INLINE Floats dot(Floats sum, Weights w, Activation x) {
    return _mm512_dpbf16_ps(sum, w, x);
  }
};
#else
constexpr bool kMultipliesPairs = false;
using Bfloat16Groups = MixedBfloat16Groups;
#endif

}  // namespace max
