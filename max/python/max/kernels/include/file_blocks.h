// IQ1, IQ2 and IQ3: encodings whose panels keep the file's blocks as they are:
//
//   unit [32 outputs][block of 256 elements]
//
// Where they are multiplied, a slice of a panel is decoded to bytes, once for all rows. Elements are vectors of four or
// eight out of a grid, whose place is stored.

#pragma once

#include "quantized_blocks.h"
#include "transpose.h"

namespace max {

constexpr int64_t kFileElements = 256;
// Decoded elements are larger by so much.
constexpr uint64_t kDecodedOffset = 64, kOffsets = kDecodedOffset * 0x0101010101010101;

// A unit, decoded: `scales` of each block of 32 elements.
template <int scales>
struct DecodedUnit {
  using Elements = Bytes;
  static constexpr int kBits = 7, kOffsetBits = 6, kScales = scales;
  static constexpr bool kHasMin = false;
  static constexpr int64_t kRounded = kBlockElements;
  static constexpr int64_t kSubs = kFileElements / kBlockElements;
  static constexpr int64_t kElementsAt = 0;
  static constexpr int64_t kHeader = kSubs * kScales * kOutputs * sizeof(float), kBlock = Elements::kBytes;
  static constexpr int64_t kUnit = kHeader + kSubs * kBlock;

  static MAX_INLINE Floats scale(const uint8_t* unit, int64_t part, int64_t column) {
    return load_floats(reinterpret_cast<const float*>(unit) + part * kOutputs + column);
  }
};

// One block of one output, decoded: with offsets, and with a scale for each 32 or 16 elements.
struct DecodedBlock {
  alignas(64) uint8_t elements[kFileElements];
  alignas(64) uint8_t signs[kFileElements / 8];  // bits of negative elements
  float scales[16];
};

template <int64_t bytes, int scales = 1>
struct FileBlocks {
  using Multiplied = DecodedUnit<scales>;
  static constexpr int64_t kRounded = kBlockElements;
  static constexpr int64_t kSubs = Multiplied::kSubs;
  static constexpr int64_t kFileBytes = bytes, kUnit = kOutputs * bytes;
};

template <typename T>
MAX_INLINE T load_as(const void* from) {
  T x;
  std::memcpy(&x, from, sizeof x);
  return x;
}

MAX_INLINE void put_eight(uint64_t eight, int64_t i, DecodedBlock* to) {
  std::memcpy(to->elements + 8 * i, &eight, sizeof eight);
}

// Makes magnitudes below 64 elements: those negative whose bit is set, all with offsets.
MAX_INLINE void apply_signs(DecodedBlock* block) {
#if defined(__AVX512BW__)
  const __m512i offset = _mm512_set1_epi8(kDecodedOffset);
  for (int64_t i = 0; i < kFileElements; i += 64) {
    __m512i magnitudes = _mm512_load_si512(block->elements + i);
    __m512i elements = _mm512_mask_sub_epi8(_mm512_add_epi8(offset, magnitudes),
                                            load_as<uint64_t>(block->signs + i / 8), offset, magnitudes);
    _mm512_store_si512(block->elements + i, elements);
  }
#else
  for (int64_t i = 0; i < kFileElements / 8; ++i) {
    uint64_t magnitudes = load_as<uint64_t>(block->elements + 8 * i);
    uint64_t bits = block->signs[i] * 0x0101010101010101 & 0x8040201008040201;
    uint64_t negative = ((bits + 0x7f7f7f7f7f7f7f7f) >> 7 & 0x0101010101010101) * 0xff;
    put_eight(kOffsets + (magnitudes & ~negative) - (magnitudes & negative), i, block);
  }
#endif
}

// Signs of eight elements in the low seven bits of each byte: the number of negative ones is even.
template <typename T>
MAX_INLINE T even_signs(T sevens) {
  constexpr T ones = static_cast<T>(0x0101010101010101);
  T parity = sevens ^ sevens >> 4;
  parity ^= parity >> 2;
  parity ^= parity >> 1;
  return sevens | (parity & ones) << 7;
}

// Four times seven bits as the low ones of four bytes.
MAX_INLINE uint32_t four_sevens(uint32_t bits) {
  return (bits & 0x7f) | (bits << 1 & 0x7f00) | (bits << 2 & 0x7f0000) | (bits << 3 & 0x7f000000);
}

// Of the four times eight elements of block `b`, whose signs are the low bits of a word.
MAX_INLINE void put_signs(uint32_t word, int64_t b, DecodedBlock* to) {
  uint32_t signs = even_signs(four_sevens(word));
  std::memcpy(to->signs + 4 * b, &signs, sizeof signs);
}

MAX_INLINE uint64_t eight_of_grid(const int8_t* grid, int64_t place) { return load_as<uint64_t>(grid + 8 * place); }

// Two fours of a grid.
MAX_INLINE uint64_t eight_of_fours(const int8_t* grid, int64_t first, int64_t second) {
  return load_word(grid + 4 * first) | static_cast<uint64_t>(load_word(grid + 4 * second)) << 32;
}

MAX_INLINE float scale_at(const uint8_t* block) { return float_of_half(load_half(block)); }

struct IQ2_XXS : FileBlocks<66> {
  static void decode(const uint8_t* block, const int8_t* grid, DecodedBlock* to) {
    float d = scale_at(block);
    for (int64_t b = 0; b < kSubs; ++b) {
      const uint8_t* places = block + 2 + 8 * b;
      uint32_t rest = load_word(places + 4);
      to->scales[b] = d * (0.5f + static_cast<float>(rest >> 28)) * 0.25f;
      for (int64_t i = 0; i < 4; ++i) put_eight(eight_of_grid(grid, places[i]), 4 * b + i, to);
      put_signs(rest, b, to);
    }
    apply_signs(to);
  }
};

struct IQ2_XS : FileBlocks<74, 2> {
  static void decode(const uint8_t* block, const int8_t* grid, DecodedBlock* to) {
    float d = scale_at(block);
    for (int64_t half = 0; half < 16; ++half) {
      int small = block[66 + half / 2] >> (half % 2 * 4) & 15;
      to->scales[half] = d * (0.5f + static_cast<float>(small)) * 0.25f;
    }
    for (int64_t i = 0; i < 32; ++i)
      put_eight(eight_of_grid(grid, load_half(block + 2 + 2 * i) & 511), i, to);
    for (int64_t i = 0; i < 32; ++i) to->signs[i] = even_signs(static_cast<uint8_t>(block[3 + 2 * i] >> 1));
    apply_signs(to);
  }
};

struct IQ2_S : FileBlocks<82, 2> {
  static void decode(const uint8_t* block, const int8_t* grid, DecodedBlock* to) {
    float d = scale_at(block);
    for (int64_t half = 0; half < 16; ++half) {
      int small = block[74 + half / 2] >> (half % 2 * 4) & 15;
      to->scales[half] = d * (0.5f + static_cast<float>(small)) * 0.25f;
    }
    for (int64_t b = 0; b < kSubs; ++b) {
      uint32_t low = load_word(block + 2 + 4 * b), high = block[66 + b];
#pragma GCC unroll 4
      for (int64_t i = 0; i < 4; ++i)
        put_eight(eight_of_grid(grid, (low >> 8 * i & 255) | (high << 8 >> 2 * i & 0x300)), 4 * b + i, to);
    }
    std::memcpy(to->signs, block + 34, sizeof to->signs);
    apply_signs(to);
  }
};

struct IQ3_XXS : FileBlocks<98> {
  static void decode(const uint8_t* block, const int8_t* grid, DecodedBlock* to) {
    float d = scale_at(block);
    for (int64_t b = 0; b < kSubs; ++b) {
      const uint8_t* places = block + 2 + 8 * b;
      uint32_t rest = load_word(block + 66 + 4 * b);
      to->scales[b] = d * (0.5f + static_cast<float>(rest >> 28)) * 0.5f;
      for (int64_t i = 0; i < 4; ++i)
        put_eight(eight_of_fours(grid, places[2 * i], places[2 * i + 1]), 4 * b + i, to);
      put_signs(rest, b, to);
    }
    apply_signs(to);
  }
};

struct IQ3_S : FileBlocks<110> {
  static void decode(const uint8_t* block, const int8_t* grid, DecodedBlock* to) {
    float d = scale_at(block);
    for (int64_t b = 0; b < kSubs; ++b) {
      int small = block[106 + b / 2] >> (b % 2 * 4) & 15;
      to->scales[b] = d * static_cast<float>(1 + 2 * small);
      auto low = load_as<uint64_t>(block + 2 + 8 * b);
      uint32_t high = block[66 + b];
#pragma GCC unroll 4
      for (int64_t i = 0; i < 4; ++i) {
        uint64_t first = (low >> 16 * i & 255) | (high << 8 >> 2 * i & 256);
        uint64_t second = (low >> (16 * i + 8) & 255) | (high << 7 >> 2 * i & 256);
        put_eight(eight_of_fours(grid, static_cast<int64_t>(first), static_cast<int64_t>(second)), 4 * b + i, to);
      }
    }
    std::memcpy(to->signs, block + 74, sizeof to->signs);
    apply_signs(to);
  }
};

// Of IQ1: numbers -1, 0 and 1, and an eighth more or less, all times eight. The grid has them so, with offsets.
MAX_INLINE uint64_t more_or_less(uint64_t eight, uint64_t is_less) {
  constexpr uint64_t ones = 0x0101010101010101;
  return eight + ones - 2 * is_less * ones;
}

struct IQ1_S : FileBlocks<50> {
  static void decode(const uint8_t* block, const int8_t* grid, DecodedBlock* to) {
    float d = scale_at(block);
    for (int64_t b = 0; b < kSubs; ++b) {
      int high = load_half(block + 34 + 2 * b);
      to->scales[b] = d * static_cast<float>(2 * (high >> 12 & 7) + 1) * 0.125f;
      for (int64_t i = 0; i < 4; ++i) {
        int place = block[2 + 4 * b + i] | (high >> 3 * i & 7) << 8;
        put_eight(more_or_less(eight_of_grid(grid, place), high >> 15), 4 * b + i, to);
      }
    }
  }
};

struct IQ1_M : FileBlocks<56, 2> {
  static void decode(const uint8_t* block, const int8_t* grid, DecodedBlock* to) {
    uint16_t small[4];
    std::memcpy(small, block + 48, sizeof small);
    // The block's scale is in the upper four bits of each.
    float d = float_of_half(static_cast<uint16_t>(small[0] >> 12 | (small[1] >> 8 & 0xf0) | (small[2] >> 4 & 0xf00) |
                                                  (small[3] & 0xf000)));
    for (int64_t half = 0; half < 16; ++half)
      to->scales[half] = d * static_cast<float>(2 * (small[half / 4] >> (half % 4 * 3) & 7) + 1) * 0.125f;
    for (int64_t b = 0; b < kSubs; ++b) {
      uint32_t low = load_word(block + 4 * b), high = load_half(block + 32 + 2 * b);
#pragma GCC unroll 4
      for (int64_t i = 0; i < 4; ++i) {
        uint32_t four = high >> 4 * i;
        put_eight(more_or_less(eight_of_grid(grid, (low >> 8 * i & 255) | (four & 7) << 8), four >> 3 & 1), 4 * b + i, to);
      }
    }
  }
};

// Whether panels of an encoding are the file's blocks.
template <typename E, typename = void>
constexpr bool kIsOfFile = false;
template <typename E>
constexpr bool kIsOfFile<E, std::void_t<typename E::Multiplied>> = true;

// Units of a panel as they are multiplied.
template <typename E>
void decode_units(const uint8_t* units, int64_t count, const int8_t* grid, uint8_t* to) {
  using Unit = typename E::Multiplied;
  for (int64_t u = 0; u < count; ++u, units += E::kUnit, to += Unit::kUnit) {
    auto scales = reinterpret_cast<uint32_t*>(to);
    auto words = reinterpret_cast<uint32_t*>(to + Unit::kHeader);
    for (int64_t first = 0; first < kOutputs; first += kTransposed) {
      DecodedBlock blocks[kTransposed];
      const uint8_t* rows[kTransposed];
      const float* small[kTransposed];
      for (int64_t i = 0; i < kTransposed; ++i) {
        E::decode(units + (first + i) * E::kFileBytes, grid, &blocks[i]);
        rows[i] = blocks[i].elements;
        small[i] = blocks[i].scales;
      }
      if constexpr (Unit::kSubs * Unit::kScales % kTransposed == 0)
        for (int64_t part = 0; part < Unit::kSubs * Unit::kScales; part += kTransposed)
          transpose_words(small, part, scales + part * kOutputs + first, kOutputs);
      else
        for (int64_t i = 0; i < kTransposed; ++i)
          for (int64_t part = 0; part < Unit::kSubs * Unit::kScales; ++part)
            reinterpret_cast<float*>(scales)[part * kOutputs + first + i] = small[i][part];
      for (int64_t word = 0; word < kFileElements / 4; word += kTransposed)
        transpose_words(rows, word, words + word * kOutputs + first, kOutputs);
    }
  }
}

}  // namespace max
