// IQ1, IQ2 and IQ3: elements are vectors of four or eight numbers out of a grid, of which places are stored.
//
//   unit [d][small scales][8 blocks of 32 elements][2 halves of the outputs][places][signs]
//
// In the half of a block, four places of each of 16 outputs are 64 bytes, and above eight bits a bit is in a word for
// each 32 of them, ordered so that vectors which are looked up stand in their outputs' order (`GridHalf`). Where they are
// multiplied, a slice of a panel is decoded to bytes, once for all rows.

#pragma once

#include "quantized_blocks.h"

namespace max {

constexpr int64_t kGridElements = 256, kGridBlocks = kGridElements / kBlockElements;
// Outputs of a half.
constexpr int64_t kHalfOutputs = 16;
static_assert(kOutputs == 2 * kHalfOutputs);
// Decoded elements are larger by so much.
constexpr uint8_t kDecodedOffset = 64;

// The vectors of a grid, as layouts/grids.py makes them.
//
// A number's code has two bits in vectors of eight numbers, and three in those of four. The codes of numbers 0 to 3 begin
// at bits 0, 8, kSecond and 8 + kSecond, a code having kSecond bits; those of numbers 4 to 7 are four bits further up.
struct Grid {
  uint8_t numbers[64];     // by their codes: too large by kDecodedOffset; of IQ1 eight times the number, and one
  uint16_t vectors[2048];  // as many as there are
};

// A unit, decoded: `scales` of each block of 32 elements.
template <int scales>
struct DecodedUnit {
  using Elements = Bytes;
  static constexpr int kBits = 7, kOffsetBits = 6, kScales = scales;
  static constexpr bool kHasMin = false;
  static constexpr int64_t kRounded = kBlockElements;
  static constexpr int64_t kSubs = kGridBlocks;
  static constexpr int64_t kElementsAt = 0;
  static constexpr int64_t kHeader = kSubs * kScales * kOutputs * sizeof(float), kBlock = Elements::kBytes;
  static constexpr int64_t kUnit = kHeader + kSubs * kBlock;

  static MAX_INLINE Floats scale(const uint8_t* unit, int64_t part, int64_t column) {
    return load_floats(reinterpret_cast<const float*>(unit) + part * kOutputs + column);
  }
};

// What makes the elements of the numbers: a sign of each, or, of IQ1, that all of a vector or of a block are less by two
// than the others (a bit each; that of a block is the fourth one of its small scale).
enum class Signs { kOfNumbers, kOfVectors, kOfBlocks };

// One block of one row of a file, taken apart.
struct GridBlock {
  uint16_t d;  // float16
  uint8_t small[2 * kGridBlocks];
  uint16_t places[kGridElements / 4];
  uint8_t signs[kGridElements / 8];  // a bit of each element, or a byte of each vector
};

// A block of 32 elements of 16 outputs, of which each has `vectors` with places of some bits.
template <int place_bits, int vectors, Signs signs_>
struct GridHalf {
  static constexpr int64_t kHigh = place_bits - 8;
  static constexpr int64_t kGroup = 4 * kHalfOutputs + 2 * kHigh * sizeof(uint32_t);
  static constexpr int64_t kSignsAt = vectors / 4 * kGroup;
  static constexpr int64_t kBytes =
      kSignsAt + (signs_ == Signs::kOfNumbers ? kSteps * kHalfOutputs / 2 : signs_ == Signs::kOfVectors ? 2 * vectors : 0);

  // Of 64 bytes those of even place are vectors 0 and 1, four outputs of each in turn, and those of odd place 2 and 3.
  static MAX_INLINE int64_t lane(int64_t output, int64_t vector) { return output / 4 * 8 + vector % 2 * 4 + output % 4; }

  static MAX_INLINE int64_t place(const uint8_t* half, int64_t output, int64_t vector) {
    const uint8_t* group = half + vector / 4 * kGroup;
    int64_t at = lane(output, vector), odd = vector / 2 % 2, place = group[2 * at + odd];
    for (int64_t bit = 0; bit < kHigh; ++bit)
      place |= static_cast<int64_t>(load_word(group + 64 + (2 * bit + odd) * 4) >> at & 1) << (8 + bit);
    return place;
  }
  static void put_place(int64_t place, int64_t output, int64_t vector, uint8_t* half) {
    uint8_t* group = half + vector / 4 * kGroup;
    int64_t at = lane(output, vector), odd = vector / 2 % 2;
    group[2 * at + odd] = static_cast<uint8_t>(place);
    for (int64_t bit = 0; bit < kHigh; ++bit)
      group[64 + (2 * bit + odd) * 4 + at / 8] |= static_cast<uint8_t>((place >> (8 + bit) & 1) << at % 8);
  }

  // Signs of the four numbers of a step.
  static MAX_INLINE int signs(const uint8_t* half, int64_t output, int64_t step) {
    return half[kSignsAt + step * 8 + output / 2] >> (output % 2 * 4) & 15;
  }
  static void put_signs(int signs, int64_t output, int64_t step, uint8_t* half) {
    half[kSignsAt + step * 8 + output / 2] |= static_cast<uint8_t>(signs << (output % 2 * 4));
  }

  static MAX_INLINE int is_less(const uint8_t* half, int64_t output, int64_t vector) {
    return half[kSignsAt + vector * 2 + output / 8] >> output % 8 & 1;
  }
  static void put_less(int is_less, int64_t output, int64_t vector, uint8_t* half) {
    half[kSignsAt + vector * 2 + output / 8] |= static_cast<uint8_t>(is_less << output % 8);
  }
};

// Of an encoding: places of so many bits, vectors of `width` numbers, `scales` of each 32 elements, in the file so many
// bytes for each 256.
template <int place_bits, int width, int scales, Signs signs, int64_t file_bytes>
struct GridUnit {
  using Multiplied = DecodedUnit<scales>;
  static constexpr int64_t kRounded = kBlockElements;
  static constexpr int64_t kSubs = kGridBlocks;
  static constexpr int64_t kFileBytes = file_bytes;
  static constexpr int kPlaceBits = place_bits, kWidth = width, kScales = scales;
  static constexpr Signs kSigns = signs;
  static constexpr int64_t kVectors = kBlockElements / width;
  using Half = GridHalf<place_bits, kVectors, signs>;
  static constexpr int64_t kScalesAt = kHalves, kHeader = kScalesAt + kSubs * scales / 2 * kOutputs;
  static constexpr int64_t kBlock = 2 * Half::kBytes, kUnit = kHeader + kSubs * kBlock;
  // Of the codes of numbers.
  static constexpr int kSecond = width == 8 ? 2 : 3;
  static constexpr uint8_t kCodes = (1 << kSecond) - 1;
};

// Signs of eight elements in the low seven bits: the number of negative ones is even.
inline uint8_t even_signs(uint32_t sevens) {
  return static_cast<uint8_t>((sevens & 127) | __builtin_parity(sevens & 127) << 7);
}

// Of the four times eight elements of block `b`, whose signs are the low bits of a word.
inline void put_even_signs(uint32_t word, int64_t b, GridBlock* to) {
  for (int64_t i = 0; i < 4; ++i) to->signs[4 * b + i] = even_signs(word >> 7 * i);
}

inline void put_nibbles(const uint8_t* from, int64_t count, uint8_t* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = from[i / 2] >> (i % 2 * 4) & 15;
}

struct IQ2_XXS : GridUnit<8, 8, 1, Signs::kOfNumbers, 66> {
  static void take_apart(const uint8_t* block, GridBlock* to) {
    to->d = load_half(block);
    for (int64_t b = 0; b < kSubs; ++b) {
      const uint8_t* places = block + 2 + 8 * b;
      uint32_t rest = load_word(places + 4);
      to->small[b] = static_cast<uint8_t>(rest >> 28);
      std::copy(places, places + 4, to->places + 4 * b);
      put_even_signs(rest, b, to);
    }
  }
  template <typename F>
  static MAX_INLINE F scale(F d, F small) { return d * (0.5f + small) * 0.25f; }
};

struct IQ2_XS : GridUnit<9, 8, 2, Signs::kOfNumbers, 74> {
  static void take_apart(const uint8_t* block, GridBlock* to) {
    to->d = load_half(block);
    put_nibbles(block + 66, 16, to->small);
    for (int64_t i = 0; i < 32; ++i) {
      uint16_t both = load_half(block + 2 + 2 * i);
      to->places[i] = both & 511;
      to->signs[i] = even_signs(both >> 9);
    }
  }
  template <typename F>
  static MAX_INLINE F scale(F d, F small) { return IQ2_XXS::scale(d, small); }
};

struct IQ2_S : GridUnit<10, 8, 2, Signs::kOfNumbers, 82> {
  static void take_apart(const uint8_t* block, GridBlock* to) {
    to->d = load_half(block);
    put_nibbles(block + 74, 16, to->small);
    for (int64_t i = 0; i < 32; ++i)
      to->places[i] = static_cast<uint16_t>(block[2 + i] | (block[66 + i / 4] >> (i % 4 * 2) & 3) << 8);
    std::memcpy(to->signs, block + 34, sizeof to->signs);
  }
  template <typename F>
  static MAX_INLINE F scale(F d, F small) { return IQ2_XXS::scale(d, small); }
};

struct IQ3_XXS : GridUnit<8, 4, 1, Signs::kOfNumbers, 98> {
  static void take_apart(const uint8_t* block, GridBlock* to) {
    to->d = load_half(block);
    std::copy(block + 2, block + 66, to->places);
    for (int64_t b = 0; b < kSubs; ++b) {
      uint32_t rest = load_word(block + 66 + 4 * b);
      to->small[b] = static_cast<uint8_t>(rest >> 28);
      put_even_signs(rest, b, to);
    }
  }
  template <typename F>
  static MAX_INLINE F scale(F d, F small) { return d * (0.5f + small) * 0.5f; }
};

struct IQ3_S : GridUnit<9, 4, 1, Signs::kOfNumbers, 110> {
  static void take_apart(const uint8_t* block, GridBlock* to) {
    to->d = load_half(block);
    put_nibbles(block + 106, 8, to->small);
    for (int64_t i = 0; i < 64; ++i)
      to->places[i] = static_cast<uint16_t>(block[2 + i] | (block[66 + i / 8] >> i % 8 & 1) << 8);
    std::memcpy(to->signs, block + 74, sizeof to->signs);
  }
  template <typename F>
  static MAX_INLINE F scale(F d, F small) { return d * (1.0f + 2.0f * small); }
};

// Numbers -1, 0 and 1, and an eighth more or less, all times eight.
struct IQ1_S : GridUnit<11, 8, 1, Signs::kOfBlocks, 50> {
  static void take_apart(const uint8_t* block, GridBlock* to) {
    to->d = load_half(block);
    for (int64_t b = 0; b < kSubs; ++b) {
      int high = load_half(block + 34 + 2 * b);
      to->small[b] = static_cast<uint8_t>(high >> 12);
      for (int64_t i = 0; i < 4; ++i)
        to->places[4 * b + i] = static_cast<uint16_t>(block[2 + 4 * b + i] | (high >> 3 * i & 7) << 8);
    }
  }
  template <typename F>
  static MAX_INLINE F scale(F d, F small) { return d * (2.0f * small + 1.0f) * 0.125f; }
};

struct IQ1_M : GridUnit<11, 8, 2, Signs::kOfVectors, 56> {
  static void take_apart(const uint8_t* block, GridBlock* to) {
    to->d = 0;  // in the upper four bits of four shorts
    for (int64_t i = 0; i < 4; ++i) to->d |= static_cast<uint16_t>(load_half(block + 48 + 2 * i) >> 12 << 4 * i);
    for (int64_t half = 0; half < 16; ++half)
      to->small[half] = load_half(block + 48 + half / 4 * 2) >> (half % 4 * 3) & 7;
    for (int64_t i = 0; i < 32; ++i) {
      int four = block[32 + i / 2] >> (i % 2 * 4) & 15;
      to->places[i] = static_cast<uint16_t>(block[i] | (four & 7) << 8);
      to->signs[i] = static_cast<uint8_t>(four >> 3);
    }
  }
  template <typename F>
  static MAX_INLINE F scale(F d, F small) { return IQ1_S::scale(d, small); }
};

// Whether an encoding has a grid.
template <typename E, typename = void>
constexpr bool kHasGrid = false;
template <typename E>
constexpr bool kHasGrid<E, std::void_t<typename E::Multiplied>> = true;

// A small scale, without a bit that says something else.
template <typename E>
constexpr uint8_t kSmall = E::kSigns == Signs::kOfBlocks ? 7 : 15;

// Writes a block of one output to a unit of zeros.
template <typename E>
void pack_grid_block(const uint8_t* block, int64_t output, uint8_t* unit) {
  using Half = typename E::Half;
  GridBlock from;
  E::take_apart(block, &from);
  std::memcpy(unit + 2 * output, &from.d, sizeof from.d);
  for (int64_t i = 0; i < E::kSubs * E::kScales; ++i)
    unit[E::kScalesAt + i / 2 * kOutputs + output] |= static_cast<uint8_t>(from.small[i] << (i % 2 * 4));
  int64_t of_half = output % kHalfOutputs;
  uint8_t* half = unit + E::kHeader + output / kHalfOutputs * Half::kBytes;
  for (int64_t b = 0; b < E::kSubs; ++b, half += E::kBlock) {
    for (int64_t v = 0; v < E::kVectors; ++v) {
      Half::put_place(from.places[b * E::kVectors + v], of_half, v, half);
      if (E::kSigns == Signs::kOfVectors) Half::put_less(from.signs[b * E::kVectors + v], of_half, v, half);
    }
    if (E::kSigns == Signs::kOfNumbers)
      for (int64_t step = 0; step < kSteps; ++step)
        Half::put_signs(from.signs[4 * b + step / 2] >> (step % 2 * 4) & 15, of_half, step, half);
  }
}

// Calls f with each element of one output of a unit, as a float.
template <typename E, typename F>
void for_grid_elements(const uint8_t* unit, int64_t output, const Grid& grid, const F& f) {
  using Half = typename E::Half;
  float d = float_of_half(load_half(unit + 2 * output));
  int64_t of_half = output % kHalfOutputs;
  const uint8_t* half = unit + E::kHeader + output / kHalfOutputs * Half::kBytes;
  for (int64_t i = 0; i < kGridElements; ++i) {
    int64_t part = i / (kBlockElements / E::kScales), at = i % kBlockElements, number = i % E::kWidth;
    const uint8_t* block = half + i / kBlockElements * E::kBlock;
    int small = unit[E::kScalesAt + part / 2 * kOutputs + output] >> (part % 2 * 4) & 15;
    int vector = grid.vectors[Half::place(block, of_half, at / E::kWidth)];
    int code = vector >> (number % 2 * 8 + number / 2 % 2 * E::kSecond + number / 4 * 4) & E::kCodes;
    int element = grid.numbers[code] - kDecodedOffset;
    if (E::kSigns == Signs::kOfNumbers && Half::signs(block, of_half, at / 4) >> at % 4 & 1) element = -element;
    if (E::kSigns == Signs::kOfVectors && Half::is_less(block, of_half, at / E::kWidth)) element -= 2;
    if (E::kSigns == Signs::kOfBlocks && small > kSmall<E>) element -= 2;
    f(E::scale(d, static_cast<float>(small & kSmall<E>)) * static_cast<float>(element));
  }
}

}  // namespace max
