// IQ4_NL, IQ4_XS and MXFP4: elements of four bits that are places in a table of sixteen numbers.

#pragma once

#include "quantized_blocks.h"

namespace max {

// The numbers of ggml-common.h, larger by 2^7.
struct NonlinearTable {
  static constexpr uint8_t kNumbers[16] = {1,   24,  45,  63,  79,  93,  106, 118,
                                           129, 141, 153, 166, 181, 197, 217, 241};
};
// Twice those of floats of four bits (E2M1), larger by 2^4.
struct Float4Table {
  static constexpr uint8_t kNumbers[16] = {16, 17, 18, 19, 20, 22, 24, 28,
                                           16, 15, 14, 13, 12, 10, 8,  4};
};

template <typename Table>
struct TableNibbles : Nibbles<0> {
  template <int step>
  static MAX_INLINE Words load(const uint8_t* from, int64_t column) {
    return look_up(Table::kNumbers, Nibbles<0>::load<step>(from, column));
  }

  static void get(const uint8_t* from, int64_t output, uint8_t* elements) {
    Nibbles<0>::get(from, output, elements);
    for (int64_t i = 0; i < kBlockElements; ++i) elements[i] = Table::kNumbers[elements[i]];
  }
};

struct IQ4_NL : ScaledBlocks<TableNibbles<NonlinearTable>, 8> {
  static constexpr int64_t kFileBytes = 18;
  static void decode(const uint8_t* unit, int64_t, Decoded* to) {
    to->d = load_half(unit);
    decode_fours(unit + 2, to->elements);
  }
};

// The scale is a power of two, of which a byte is the exponent: exact as a bfloat16.
struct MXFP4 : ScaledBlocks<TableNibbles<Float4Table>, 5, Bfloat16Scale> {
  static constexpr int64_t kFileBytes = 17;
  static void decode(const uint8_t* unit, int64_t, Decoded* to) {
    to->d = static_cast<bfloat16>(unit[0] < 2 ? 0x20 << unit[0] : (unit[0] - 1) << 7);
    decode_fours(unit + 1, to->elements);
  }
};

// Eight blocks share d; each has a signed scale of 6 bits. Its products need more than 16 bits: they are scaled as floats.
struct IQ4_XS {
  using Elements = TableNibbles<NonlinearTable>;
  static constexpr int kBits = 8, kOffsetBits = 7, kScales = 1;
  static constexpr bool kHasMin = false;
  static constexpr int64_t kRounded = kBlockElements;
  static constexpr int64_t kSubs = 8;
  static constexpr int64_t kElementsAt = 0;
  static constexpr int64_t kScalesAt = kHalves;
  static constexpr int64_t kHeader = kScalesAt + kSubs * kOutputs, kBlock = Elements::kBytes;
  static constexpr int64_t kUnit = kHeader + kSubs * kBlock;
  static constexpr int64_t kFileBytes = 136;

  static MAX_INLINE Floats scale(const uint8_t* unit, int64_t sub, int64_t column) {
    Floats small = load_signed_bytes(unit + kScalesAt + sub * kOutputs + column);
    return multiply(load_halves(unit + column * 2), small);
  }

  static void put_scales(const Decoded& from, uint8_t* unit, int64_t sub, int64_t output) {
    std::memcpy(unit + output * 2, &from.d, sizeof from.d);
    unit[kScalesAt + sub * kOutputs + output] = from.scales[0];
  }
  static float value(const uint8_t* unit, int64_t sub, int64_t output, int64_t, uint8_t element) {
    float scale = static_cast<int8_t>(unit[kScalesAt + sub * kOutputs + output]);
    float d = float_of_half(load_half(unit + output * 2));
    return d * scale * static_cast<float>(element - (1 << kOffsetBits));
  }

  static void decode(const uint8_t* unit, int64_t sub, Decoded* to) {
    int low = unit[4 + sub / 2] >> (sub % 2 * 4) & 15, high = load_half(unit + 2) >> (2 * sub) & 3;
    to->d = load_half(unit);
    to->scales[0] = static_cast<uint8_t>((low | high << 4) - 32);
    decode_fours(unit + 8 + 16 * sub, to->elements);
  }
};

}  // namespace max
