// Vectors of bytes and small integers: sums of their products, and how packed ones are taken apart.

#pragma once

#include <algorithm>

#include "simd.h"

namespace max {

#if defined(__AVX512F__)
template <int n>
MAX_INLINE Words shift_right(Words x) { return _mm512_srli_epi32(x, n); }
template <int n>
MAX_INLINE Words shift_left(Words x) { return _mm512_slli_epi32(x, n); }
MAX_INLINE Floats to_floats(Words x) { return _mm512_cvtepi32_ps(x); }
MAX_INLINE Words larger_word(Words a, Words b) { return _mm512_max_epu32(a, b); }
MAX_INLINE void store_low_bytes(int8_t* to, Words x) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(x));
}
MAX_INLINE Floats load_bytes(const uint8_t* from) {
  return to_floats(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
}
MAX_INLINE Floats load_signed_bytes(const uint8_t* from) {
  return to_floats(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
}
MAX_INLINE Floats load_halves(const uint8_t* from) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
#elif defined(__AVX2__)
template <int n>
MAX_INLINE Words shift_right(Words x) { return _mm256_srli_epi32(x, n); }
template <int n>
MAX_INLINE Words shift_left(Words x) { return _mm256_slli_epi32(x, n); }
MAX_INLINE Floats to_floats(Words x) { return _mm256_cvtepi32_ps(x); }
MAX_INLINE Words larger_word(Words a, Words b) { return _mm256_max_epu32(a, b); }
MAX_INLINE void store_low_bytes(int8_t* to, Words x) {
  alignas(32) int32_t lanes[kFloats];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), x);
  for (int64_t i = 0; i < kFloats; ++i) to[i] = static_cast<int8_t>(lanes[i]);
}
MAX_INLINE Floats load_bytes(const uint8_t* from) {
  return to_floats(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
}
MAX_INLINE Floats load_signed_bytes(const uint8_t* from) {
  return to_floats(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
}
MAX_INLINE Floats load_halves(const uint8_t* from) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
#else
template <int n>
MAX_INLINE Words shift_right(Words x) { return x >> n; }
template <int n>
MAX_INLINE Words shift_left(Words x) { return x << n; }
MAX_INLINE Floats to_floats(Words x) {
  typedef int32_t Integers __attribute__((vector_size(16)));
  return __builtin_convertvector((Integers)x, Floats);
}
MAX_INLINE Words larger_word(Words a, Words b) { return a > b ? a : b; }
MAX_INLINE void store_low_bytes(int8_t* to, Words x) {
  for (int64_t i = 0; i < kFloats; ++i) to[i] = static_cast<int8_t>(x[i]);
}
MAX_INLINE Floats load_bytes(const uint8_t* from) {
  Floats y;
  for (int64_t i = 0; i < kFloats; ++i) y[i] = static_cast<float>(from[i]);
  return y;
}
MAX_INLINE Floats load_signed_bytes(const uint8_t* from) {
  Floats y;
  for (int64_t i = 0; i < kFloats; ++i) y[i] = static_cast<float>(static_cast<int8_t>(from[i]));
  return y;
}
MAX_INLINE Floats load_halves(const uint8_t* from) {
  Floats y;
  for (int64_t i = 0; i < kFloats; ++i) {
    uint16_t bits;
    std::memcpy(&bits, from + 2 * i, sizeof bits);
    y[i] = float_of_half(bits);
  }
  return y;
}
#endif

// The lowest bytes of the words of four vectors, in sequence.
MAX_INLINE Words low_bytes(const Words (&x)[4]) {
#if defined(__AVX512F__)
  __m512i low = _mm512_castsi128_si512(_mm512_cvtepi32_epi8(x[0]));
  low = _mm512_inserti32x4(low, _mm512_cvtepi32_epi8(x[1]), 1);
  low = _mm512_inserti32x4(low, _mm512_cvtepi32_epi8(x[2]), 2);
  return _mm512_inserti32x4(low, _mm512_cvtepi32_epi8(x[3]), 3);
#else
  uint32_t words[4 * kFloats];
  uint8_t bytes[4 * kFloats];
  std::memcpy(words, x, sizeof words);
  for (int64_t i = 0; i < 4 * kFloats; ++i) bytes[i] = static_cast<uint8_t>(words[i]);
  return load_words(bytes);
#endif
}

// The words that have these bytes four times.
MAX_INLINE Words bytes(uint8_t x) { return broadcast_word(x * 0x01010101u); }

// The numbers of a table at places below 16, which are bytes.
MAX_INLINE Words look_up(const uint8_t (&table)[16], Words places) {
#if defined(__AVX512F__)
  __m128i numbers = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
  return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(numbers), places);
#elif defined(__AVX2__)
  __m128i numbers = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(numbers), places);
#elif defined(__ARM_NEON)
  return (Words)vqtbl1q_u8(vld1q_u8(table), (uint8x16_t)places);
#else
  uint8_t found[sizeof(Words)];
  std::memcpy(found, &places, sizeof found);
  for (uint8_t& place : found) place = table[place];
  return load_words(found);
#endif
}

// Of signed bytes.
MAX_INLINE Words byte_magnitudes(Words x) {
  typedef int8_t Bytes __attribute__((vector_size(sizeof(Words))));
  Bytes negative = (Bytes)x < 0;
  return (Words)(((Bytes)x ^ negative) - negative);
}

// low | (high & mask)
MAX_INLINE Words merged(Words low, Words high, Words mask) {
#if defined(__AVX512F__)
  return _mm512_ternarylogic_epi32(low, high, mask, 0xf8);
#else
  return low | (high & mask);
#endif
}

typedef int16_t Shorts __attribute__((vector_size(sizeof(Words))));
typedef uint16_t UnsignedShorts __attribute__((vector_size(sizeof(Words))));
typedef int32_t Ints __attribute__((vector_size(sizeof(Words))));

MAX_INLINE Words add_words(Words a, Words b) { return (Words)((Ints)a + (Ints)b); }
MAX_INLINE Words subtract_words(Words a, Words b) { return (Words)((Ints)a - (Ints)b); }

// The low shorts of words, those of the first ones high.
MAX_INLINE Words low_shorts(Words high, Words low) {
#if defined(__AVX512F__)
  const __m512i up = _mm512_set4_epi32(0x0d0c0000, 0x09080000, 0x05040000, 0x01000000);
  return _mm512_mask_shuffle_epi8(low, 0xccccccccccccccccu, high, up);
#elif defined(__AVX2__)
  return _mm256_blend_epi16(_mm256_slli_epi32(high, 16), low, 0x55);
#else
  return high << 16 | (low & 0xffffu);
#endif
}

// The bytes of even or of odd place as shorts.
template <bool is_signed>
MAX_INLINE Words even_bytes(Words x) {
  return is_signed ? (Words)((Shorts)x << 8 >> 8) : x & broadcast_word(0x00ff00ff);
}
template <bool is_signed>
MAX_INLINE Words odd_bytes(Words x) {
  return is_signed ? (Words)((Shorts)x >> 8) : (Words)((UnsignedShorts)x >> 8);
}

// sum + a0 * b0 + a1 * b1 in each word: of signed shorts, exact.
MAX_INLINE Words dot_shorts(Words sum, Words a, Words b) {
#if defined(__AVX512VNNI__)
  asm("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
  return sum;
#elif defined(__AVX512F__)
  return add_words(sum, _mm512_madd_epi16(a, b));
#elif defined(__AVX2__)
  return add_words(sum, _mm256_madd_epi16(a, b));
#elif defined(__ARM_NEON)
  int32x4_t low = vmull_s16(vget_low_s16((int16x8_t)a), vget_low_s16((int16x8_t)b));
  int32x4_t high = vmull_high_s16((int16x8_t)a, (int16x8_t)b);
  return add_words(sum, (Words)vpaddq_s32(low, high));
#else
  Ints low = ((Ints)a << 16 >> 16) * ((Ints)b << 16 >> 16);
  return sum + (Words)(low + ((Ints)a >> 16) * ((Ints)b >> 16));
#endif
}

// sum + w0 * x0 + .. + w3 * x3 in each word: w unsigned bytes below 2^bits, x signed bytes above -128.
// The sum is exact.
template <int bits>
MAX_INLINE Words dot_bytes(Words sum, Words w, Words x) {
#if defined(__AVX512VNNI__)
  // The intrinsic makes gcc 12 copy sums about, which halves the speed of tiles.
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(w), "v"(x));
  return sum;
#elif defined(__AVX512F__)
  if constexpr (bits < 8) {
    __m512i pairs = _mm512_maddubs_epi16(w, x);
    return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
  } else {  // pairs of such products do not fit 16 bits
    __m512i low = _mm512_set1_epi16(0xff);
    __m512i even = _mm512_madd_epi16(_mm512_and_si512(w, low),
                                     _mm512_srai_epi16(_mm512_slli_epi16(x, 8), 8));
    __m512i odd = _mm512_madd_epi16(_mm512_srli_epi16(w, 8), _mm512_srai_epi16(x, 8));
    return _mm512_add_epi32(sum, _mm512_add_epi32(even, odd));
  }
#elif defined(__AVX2__)
  if constexpr (bits < 8) {
    __m256i pairs = _mm256_maddubs_epi16(w, x);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  } else {
    __m256i low = _mm256_set1_epi16(0xff);
    __m256i even = _mm256_madd_epi16(_mm256_and_si256(w, low),
                                     _mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8));
    __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(w, 8), _mm256_srai_epi16(x, 8));
    return _mm256_add_epi32(sum, _mm256_add_epi32(even, odd));
  }
#elif defined(__ARM_FEATURE_DOTPROD)
  int8x16_t signed_x = (int8x16_t)x;
  if constexpr (bits < 8) return (Words)vdotq_s32((int32x4_t)sum, (int8x16_t)w, signed_x);
  // w is (w - 128) + 128, of which each fits a signed byte, the latter as -(-128).
  int32x4_t less = vdotq_s32((int32x4_t)sum, veorq_s8((int8x16_t)w, vdupq_n_s8(-128)), signed_x);
  return (Words)vsubq_s32(less, vdotq_s32(vdupq_n_s32(0), vdupq_n_s8(-128), signed_x));
#elif defined(__ARM_NEON)
  int16x8_t low = vmulq_s16((int16x8_t)vmovl_u8(vget_low_u8((uint8x16_t)w)), vmovl_s8(vget_low_s8((int8x16_t)x)));
  int16x8_t high = vmulq_s16((int16x8_t)vmovl_high_u8((uint8x16_t)w), vmovl_high_s8((int8x16_t)x));
  return add_words(sum, (Words)vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
#else
  // A product of an unsigned and a signed byte fits 16 bits.
  Shorts even = (Shorts)(w & 0x00ff00ffu) * (((Shorts)x << 8) >> 8);
  Shorts odd = (Shorts)((w >> 8) & 0x00ff00ffu) * ((Shorts)x >> 8);
  Ints low = (((Ints)even << 16) >> 16) + (((Ints)odd << 16) >> 16);
  Ints high = ((Ints)even >> 16) + ((Ints)odd >> 16);
  return sum + (Words)(low + high);
#endif
}

// On machines that first add products of bytes up to shorts, in pairs: how many steps of them a short holds,
// w being below 2^bits; 0 where pairs alone may not fit, or the machine adds up words at once.
#if defined(__AVX2__) && !defined(__AVX512VNNI__)
template <int bits>
constexpr int kStepsInShorts = bits < 8 ? std::min(8, 32767 / (2 * 127 * ((1 << bits) - 1))) : 0;

// sum + w0 * x0 + w1 * x1 and sum + w2 * x2 + w3 * x3, as shorts.
MAX_INLINE Words add_pairs(Words sum, Words w, Words x) {
#if defined(__AVX512F__)
  sum = (Words)((Shorts)sum + (Shorts)_mm512_maddubs_epi16(w, x));
#else
  sum = (Words)((Shorts)sum + (Shorts)_mm256_maddubs_epi16(w, x));
#endif
  asm("" : "+v"(sum));  // gcc 12 would have all products at hand before it adds them
  return sum;
}
#else
template <int bits>
constexpr int kStepsInShorts = 0;

MAX_INLINE Words add_pairs(Words sum, Words, Words) { return sum; }
#endif

// Both shorts of each word what its high one, or its low one, is.
template <bool is_high>
MAX_INLINE Words both_shorts(Words x) {
  return is_high ? (Words)((PlainWords)x >> 16 | ((PlainWords)x & 0xffff0000u))
                 : (Words)((PlainWords)x << 16 | ((PlainWords)x & 0xffffu));
}

// The same with one word x for all: as an operand in memory it needs no register.
template <int bits>
MAX_INLINE Words dot_bytes(Words sum, Words w, const uint32_t* x) {
#if defined(__AVX512VNNI__)
  asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(w), "m"(*x));
  return sum;
#else
  return dot_bytes<bits>(sum, w, broadcast_word(*x));
#endif
}

}  // namespace max
