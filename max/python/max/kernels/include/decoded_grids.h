// Units of encodings with grids (grid_blocks.h), decoded to bytes where they are multiplied.
//
// With AVX-512 the vectors of 32 places are looked up at once, in tables of 64 that are two registers; else one by one.
// The codes of their numbers then become words of four bytes of several outputs.

#pragma once

#include "grid_blocks.h"

namespace max {

typedef uint8_t UnsignedBytes __attribute__((vector_size(sizeof(Words))));
typedef uint8_t BytePerWord __attribute__((vector_size(kFloats)));

MAX_INLINE PlainWords words_of_bytes(const uint8_t* from) {
  BytePerWord each;
  std::memcpy(&each, from, sizeof each);
  return __builtin_convertvector(each, PlainWords);
}

// A bit for each word that is not zero.
MAX_INLINE uint32_t bits_of_words(Words x) {
#if defined(__AVX512F__)
  return _mm512_test_epi32_mask(x, x);
#else
  uint32_t words[kFloats], bits = 0;
  std::memcpy(words, &x, sizeof words);
  for (int64_t i = 0; i < kFloats; ++i) bits |= (words[i] != 0) << i;
  return bits;
#endif
}

// Elements of numbers, a word's negative where its bits of `signs`, four for each word, are set.
MAX_INLINE Words with_signs(Words numbers, uint64_t signs) {
#if defined(__AVX512F__)
  return _mm512_mask_sub_epi8(numbers, signs, bytes(2 * kDecodedOffset), numbers);
#else
  uint32_t masks[kFloats];
  for (int64_t i = 0; i < kFloats; ++i) masks[i] = ((signs >> 4 * i & 15) * 0x00204081 & 0x01010101) * 0xff;
  auto negative = (UnsignedBytes)load_words(masks);
  UnsignedBytes turned = ((UnsignedBytes)numbers ^ negative) - negative;
  return (Words)(turned + (negative & (UnsignedBytes)bytes(2 * kDecodedOffset)));
#endif
}

// Elements of numbers, all of a word less by two where its bit is set.
MAX_INLINE Words with_less(Words numbers, uint32_t is_less) {
#if defined(__AVX512F__)
  return _mm512_mask_sub_epi32(numbers, static_cast<__mmask16>(is_less), numbers, bytes(2));
#else
  uint32_t less[kFloats];
  for (int64_t i = 0; i < kFloats; ++i) less[i] = (is_less >> i & 1) * 0x02020202;
  return (Words)((UnsignedBytes)numbers - (UnsignedBytes)load_words(less));
#endif
}

// Writes the elements of a vector of kFloats outputs, which begin with `output` of the half of a block.
//
//   twice: a grid's vector in both halves of each word
//   is_less: of each output's block
template <typename E>
MAX_INLINE void put_vector(Words twice, const uint8_t (&numbers)[16], const uint8_t* half, int64_t output, int64_t vector,
                           uint32_t is_less, uint8_t* to) {
#if defined(__AVX512F__)
  Words codes = _mm512_srlv_epi16(twice, broadcast_word(E::kSecond << 16));
#else
  Words codes = (twice & broadcast_word(0xffff)) | (shift_right<E::kSecond>(twice) & broadcast_word(0xffff0000));
#endif
  constexpr int64_t steps = E::kWidth / 4;
  const uint8_t* signs = half + E::Half::kSignsAt;
  if constexpr (E::kSigns == Signs::kOfVectors) is_less = load_half(signs + 2 * vector) >> output;
#pragma GCC unroll 2
  for (int64_t i = 0; i < steps; ++i) {
    int64_t step = vector * steps + i;
    Words elements = look_up(numbers, (i == 0 ? codes : shift_right<4>(codes)) & bytes(E::kCodes));
    if constexpr (E::kSigns == Signs::kOfNumbers) {
      uint64_t four;
      std::memcpy(&four, signs + 8 * step, sizeof four);
      elements = with_signs(elements, four >> 4 * output);
    } else {
      elements = with_less(elements, is_less);
    }
    std::memcpy(to + step * kWords, &elements, sizeof elements);
  }
}

#if defined(__AVX512F__)

// The vectors at four times 32 places below 2^bits; masks [bit - 6] are of their higher bits.
template <int bits>
MAX_INLINE void find_vectors(const uint16_t* table, const Words (&places)[4], const __mmask32 (*masks)[4],
                             Words (&found)[4]) {
  if constexpr (bits == 6) {
    Words first = load_words(table), second = load_words(table + 32);
#pragma GCC unroll 4
    for (int64_t m = 0; m < 4; ++m) found[m] = _mm512_permutex2var_epi16(first, places[m], second);
  } else {
    Words high[4];
    find_vectors<bits - 1>(table, places, masks, found);
    find_vectors<bits - 1>(table + (1 << (bits - 1)), places, masks, high);
#pragma GCC unroll 4
    for (int64_t m = 0; m < 4; ++m) found[m] = _mm512_mask_blend_epi16(masks[bits - 7][m], found[m], high[m]);
  }
}

// The elements of a block of all outputs.
template <typename E>
MAX_INLINE void decode_grid_block(const uint8_t* block, const Grid& grid, const uint8_t (&numbers)[16],
                                  const uint32_t* is_less, uint8_t* to) {
  using Half = typename E::Half;
  for (int64_t four = 0; four < E::kVectors; four += 4) {
    Words places[4], found[4];
    __mmask32 masks[E::kPlaceBits - 6][4];
#pragma GCC unroll 4
    for (int64_t m = 0; m < 4; ++m) {
      const uint8_t* group = block + m / 2 * Half::kBytes + four / 4 * Half::kGroup;
      places[m] = load_words(group);
      if (m % 2 == 1) places[m] = _mm512_srli_epi16(places[m], 8);
      for (int bit = 0; bit < 2; ++bit)
        masks[bit][m] = _mm512_test_epi16_mask(places[m], _mm512_set1_epi16(static_cast<int16_t>(64 << bit)));
      for (int64_t bit = 0; bit < Half::kHigh; ++bit) masks[2 + bit][m] = load_word(group + 64 + (2 * bit + m % 2) * 4);
    }
    find_vectors<E::kPlaceBits>(grid.vectors, places, masks, found);
#pragma GCC unroll 4
    for (int64_t m = 0; m < 4; ++m) {
      const uint8_t* half = block + m / 2 * Half::kBytes;
      int64_t vector = four + m % 2 * 2;
      uint8_t* of_half = to + m / 2 * kHalfOutputs * 4;
      put_vector<E>(_mm512_unpacklo_epi16(found[m], found[m]), numbers, half, 0, vector, is_less[m / 2], of_half);
      put_vector<E>(_mm512_unpackhi_epi16(found[m], found[m]), numbers, half, 0, vector + 1, is_less[m / 2], of_half);
    }
  }
}

#else

template <typename E>
MAX_INLINE void decode_grid_block(const uint8_t* block, const Grid& grid, const uint8_t (&numbers)[16],
                                  const uint32_t* is_less, uint8_t* to) {
  using Half = typename E::Half;
  for (int64_t column = 0; column < kOutputs; column += kFloats) {
    const uint8_t* half = block + column / kHalfOutputs * Half::kBytes;
    int64_t output = column % kHalfOutputs;
    for (int64_t vector = 0; vector < E::kVectors; ++vector) {
      uint32_t twice[kFloats];
      for (int64_t i = 0; i < kFloats; ++i) twice[i] = grid.vectors[Half::place(half, output + i, vector)] * 0x00010001u;
      put_vector<E>(load_words(twice), numbers, half, output, vector, is_less[column / kFloats], to + column * 4);
    }
  }
}

#endif

// Writes DecodedUnit's scales and elements of a unit.
template <typename E>
void decode_grid_unit(const uint8_t* unit, const Grid& grid, uint8_t* to) {
  using Unit = typename E::Multiplied;
  constexpr int64_t vectors = kOutputs / kFloats, parts = E::kSubs * E::kScales;
  uint32_t is_less[parts][vectors];
  auto scales = reinterpret_cast<float*>(to);
  for (int64_t v = 0; v < vectors; ++v) {
    Floats d = load_halves(unit + 2 * v * kFloats);
    for (int64_t part = 0; part < parts; ++part) {
      PlainWords small = words_of_bytes(unit + E::kScalesAt + part / 2 * kOutputs + v * kFloats) >> (part % 2 * 4);
      if (E::kSigns == Signs::kOfBlocks) is_less[part][v] = bits_of_words((Words)(small & 8));
      Floats factor = to_floats((Words)(small & kSmall<E>));
      store_floats(scales + part * kOutputs + v * kFloats, E::scale(d, factor));
    }
  }
  uint8_t numbers[16];
  std::memcpy(numbers, grid.numbers, sizeof numbers);
  for (int64_t b = 0; b < E::kSubs; ++b)
    decode_grid_block<E>(unit + E::kHeader + b * E::kBlock, grid, numbers, is_less[b], to + Unit::kHeader + b * Unit::kBlock);
}

}  // namespace max
