// IQ1, IQ2, IQ3 and TQ: encodings whose panels keep the file's blocks as they are:
//
//   unit [32 outputs][block of 256 elements]
//
// Where they are multiplied, a slice of a panel is decoded to bytes, once for all rows. Elements of IQ are vectors of four
// or eight out of a grid, whose place is stored; those of TQ are -1, 0 and 1.

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

// Signs of eight elements in seven bits: the number of negative ones is even.
MAX_INLINE uint8_t even_signs(uint32_t seven) {
  return static_cast<uint8_t>(seven | static_cast<uint32_t>(__builtin_parity(seven)) << 7);
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
      for (int64_t i = 0; i < 4; ++i) {
        put_eight(eight_of_grid(grid, places[i]), 4 * b + i, to);
        to->signs[4 * b + i] = even_signs(rest >> 7 * i & 127);
      }
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
    for (int64_t i = 0; i < 32; ++i) {
      uint32_t place = load_half(block + 2 + 2 * i);
      put_eight(eight_of_grid(grid, place & 511), i, to);
      to->signs[i] = even_signs(place >> 9);
    }
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
    for (int64_t i = 0; i < 32; ++i) {
      int place = block[2 + i] | (block[66 + i / 4] >> (i % 4 * 2) & 3) << 8;
      put_eight(eight_of_grid(grid, place), i, to);
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
      for (int64_t i = 0; i < 4; ++i) {
        put_eight(eight_of_fours(grid, places[2 * i], places[2 * i + 1]), 4 * b + i, to);
        to->signs[4 * b + i] = even_signs(rest >> 7 * i & 127);
      }
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
      for (int64_t i = 0; i < 4; ++i) {
        const uint8_t* low = block + 2 + 8 * b + 2 * i;
        int high = block[66 + b] >> 2 * i;
        put_eight(eight_of_fours(grid, low[0] | (high & 1) << 8, low[1] | (high & 2) << 7), 4 * b + i, to);
      }
    }
    std::memcpy(to->signs, block + 74, sizeof to->signs);
    apply_signs(to);
  }
};

// Of IQ1: numbers -1, 0 and 1, and an eighth more or less, all times eight. The grid has them so, with offsets.
MAX_INLINE uint64_t more_or_less(uint64_t eight, bool is_less) {
  constexpr uint64_t ones = 0x0101010101010101;
  return is_less ? eight - ones : eight + ones;
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
    for (int64_t i = 0; i < 32; ++i) {
      int high = block[32 + i / 2] >> (i % 2 * 4);
      uint64_t eight = eight_of_grid(grid, block[i] | (high & 7) << 8);
      put_eight(more_or_less(eight, high >> 3 & 1), i, to);
    }
  }
};

// Five numbers of three values in a byte: digits of a fraction of 256, the first one first.
struct TQ1_0 : FileBlocks<54> {
  static void decode(const uint8_t* block, const int8_t*, DecodedBlock* to) {
    std::fill(to->scales, to->scales + kSubs, scale_at(block + 52));
    uint8_t* element = to->elements;
    auto put_digits = [&](const uint8_t* from, int64_t count, int digits) {
      int power = 1;
      for (int n = 0; n < digits; ++n, power *= 3)
        for (int64_t i = 0; i < count; ++i) {
          int digit = static_cast<uint8_t>(from[i] * power) * 3 >> 8;
          *element++ = static_cast<uint8_t>(static_cast<int>(kDecodedOffset) + digit - 1);
        }
    };
    put_digits(block, 32, 5);
    put_digits(block + 32, 16, 5);
    put_digits(block + 48, 4, 4);
  }
};

struct TQ2_0 : FileBlocks<66> {
  static void decode(const uint8_t* block, const int8_t*, DecodedBlock* to) {
    std::fill(to->scales, to->scales + kSubs, scale_at(block + 64));
    for (int64_t i = 0; i < kFileElements; i += 8) {
      uint64_t eight = bits_of_eight(block + i / 128 * 32 + i % 32, i % 128 / 32 * 2, 3);
      put_eight(eight + kOffsets - 0x0101010101010101, i / 8, to);
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
    auto scales = reinterpret_cast<float*>(to);
    auto words = reinterpret_cast<uint32_t*>(to + Unit::kHeader);
    for (int64_t first = 0; first < kOutputs; first += kTransposed) {
      DecodedBlock blocks[kTransposed];
      const uint8_t* rows[kTransposed];
      for (int64_t i = 0; i < kTransposed; ++i) {
        E::decode(units + (first + i) * E::kFileBytes, grid, &blocks[i]);
        rows[i] = blocks[i].elements;
        for (int64_t part = 0; part < Unit::kSubs * Unit::kScales; ++part)
          scales[part * kOutputs + first + i] = blocks[i].scales[part];
      }
      for (int64_t word = 0; word < kFileElements / 4; word += kTransposed)
        transpose_words(rows, word, words + word * kOutputs + first, kOutputs);
    }
  }
}

}  // namespace max
