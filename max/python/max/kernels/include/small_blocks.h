// Q2_K, Q3_K and TQ: units as those of Q6_K and Q4_K (quantized_blocks.h), with elements of two and three bits, and scales of halves of
// blocks.

#pragma once

#include "quantized_blocks.h"

namespace max {

// Where elements with two low bits stand: of steps g, 2 + g, 4 + g and 6 + g in a byte; `above` bits are 0 or 1,
// the third bits of all steps in one word per output more.
template <int above>
struct Twos {
  static constexpr int64_t kBytes = (2 + above) * kWords;

  template <int step>
  static MAX_INLINE Words load(const uint8_t* from, int64_t column) {
    Words low = shift_right<step / 2 * 2>(load_words(from + step % 2 * kWords + column * 4)) & bytes(0x03);
    if constexpr (above == 0) return low;
    Words high = load_words(from + 2 * kWords + column * 4);
    if constexpr (step <= 2)
      high = shift_left<2 - step>(high);
    else
      high = shift_right<step - 2>(high);
    return merged(low, high, bytes(0x04));
  }

  static void put(const uint8_t* elements, uint8_t* to, int64_t output) {
    uint32_t words[3] = {};
    for (int64_t step = 0; step < kSteps; ++step) {
      uint32_t four = load_word(elements + 4 * step);
      words[step % 2] |= (four & 0x03030303) << (step / 2 * 2);
      words[2] |= (four >> 2 & 0x01010101) << step;
    }
    for (int64_t i = 0; i < 2 + above; ++i)
      std::memcpy(to + i * kWords + output * 4, &words[i], sizeof words[i]);
  }

  static void get(const uint8_t* from, int64_t output, uint8_t* elements) {
    for (int64_t step = 0; step < kSteps; ++step)
      for (int64_t c = 0; c < 4; ++c) {
        int64_t at = output * 4 + c;
        int element = from[step % 2 * kWords + at] >> (step / 2 * 2) & 3;
        if (above == 1) element |= (from[2 * kWords + at] >> step & 1) << 2;
        elements[4 * step + c] = static_cast<uint8_t>(element);
      }
  }
};

// The two low bits of the elements of block `sub` of eight: of 128 elements, each 32 in the same bytes.
inline void decode_twos(const uint8_t* from, int64_t sub, uint8_t* elements) {
  for (int64_t i = 0; i < kBlockElements; i += 8) {
    uint64_t eight = bits_of_eight(from + sub / 4 * 32 + i, sub % 4 * 2, 3);
    std::memcpy(elements + i, &eight, sizeof eight);
  }
}

// Eight blocks share d and dmin; each half of a block has a scale and a minimum of 4 bits, in one byte.
struct Q2_K {
  using Elements = Twos<0>;
  static constexpr int kBits = 2, kOffsetBits = 0, kScales = 2;
  static constexpr bool kHasMin = true;
  static constexpr int64_t kRounded = 256;
  static constexpr int64_t kSubs = 8;
  static constexpr int64_t kElementsAt = 0;
  static constexpr int64_t kHeader = SmallScales::bytes(2 * kSubs), kBlock = Elements::kBytes;
  static constexpr int64_t kScaleAt = kHeader + kSubs * kBlock, kMinAt = kScaleAt + kHalves;
  static constexpr int64_t kUnit = kMinAt + kHalves;
  static constexpr int64_t kFileBytes = 84;

  static MAX_INLINE Floats scale(const uint8_t* unit, int64_t column) {
    return load_halves(unit + kScaleAt + column * 2);
  }
  static MAX_INLINE Floats minus_min(const uint8_t* unit, int64_t column) {
    return multiply(load_halves(unit + kMinAt + column * 2), broadcast(-1.0f));
  }
  static MAX_INLINE void load_scales(const uint8_t* unit, int64_t column, Words (&pairs)[kSubs]) {
    SmallScales::load_pairs<false, 2 * kSubs, 0, 0x0f>(unit, column, pairs);
  }
  static MAX_INLINE void load_mins(const uint8_t* unit, int64_t column, Words (&pairs)[kSubs]) {
    SmallScales::load_pairs<false, 2 * kSubs, 4, 0x0f>(unit, column, pairs);
  }

  static void put_scales(const Decoded& from, uint8_t* unit, int64_t sub, int64_t output) {
    std::memcpy(unit + kScaleAt + output * 2, &from.d, sizeof from.d);
    std::memcpy(unit + kMinAt + output * 2, &from.dmin, sizeof from.dmin);
    for (int64_t half = 0; half < 2; ++half)
      unit[SmallScales::at(2 * sub + half, output)] = from.scales[half];
  }
  static float value(const uint8_t* unit, int64_t sub, int64_t output, int64_t i, uint8_t element) {
    int small = unit[SmallScales::at(2 * sub + i / 16, output)];
    float scale = float_of_half(load_half(unit + kScaleAt + output * 2)) * static_cast<float>(small & 15);
    float min = float_of_half(load_half(unit + kMinAt + output * 2)) * static_cast<float>(small >> 4);
    return scale * static_cast<float>(element) - min;
  }

  static void decode(const uint8_t* unit, int64_t sub, Decoded* to) {
    to->d = load_half(unit + 80);
    to->dmin = load_half(unit + 82);
    to->scales[0] = unit[2 * sub];
    to->scales[1] = unit[2 * sub + 1];
    decode_twos(unit + 16, sub, to->elements);
  }
};

// Eight blocks share d; each half of a block has a signed scale of 6 bits.
struct Q3_K {
  using Elements = Twos<1>;
  static constexpr int kBits = 3, kOffsetBits = 2, kScales = 2;
  static constexpr bool kHasMin = false;
  static constexpr int64_t kRounded = 256;
  static constexpr int64_t kSubs = 8;
  static constexpr int64_t kElementsAt = 0;
  static constexpr int64_t kHeader = SmallScales::bytes(2 * kSubs), kBlock = Elements::kBytes;
  static constexpr int64_t kScaleAt = kHeader + kSubs * kBlock, kUnit = kScaleAt + kHalves;
  static constexpr int64_t kFileBytes = 110;

  static MAX_INLINE Floats scale(const uint8_t* unit, int64_t column) {
    return load_halves(unit + kScaleAt + column * 2);
  }
  static MAX_INLINE void load_scales(const uint8_t* unit, int64_t column, Words (&pairs)[kSubs]) {
    SmallScales::load_pairs<true, 2 * kSubs>(unit, column, pairs);
  }

  static void put_scales(const Decoded& from, uint8_t* unit, int64_t sub, int64_t output) {
    std::memcpy(unit + kScaleAt + output * 2, &from.d, sizeof from.d);
    for (int64_t half = 0; half < 2; ++half)
      unit[SmallScales::at(2 * sub + half, output)] = from.scales[half];
  }
  static float value(const uint8_t* unit, int64_t sub, int64_t output, int64_t i, uint8_t element) {
    float scale = static_cast<int8_t>(unit[SmallScales::at(2 * sub + i / 16, output)]);
    float d = float_of_half(load_half(unit + kScaleAt + output * 2));
    return d * scale * static_cast<float>(element - (1 << kOffsetBits));
  }

  // Third bits of all blocks, two bits of elements, scales of 6 bits: low ones of the first eight and, above
  // them, of the others; then the high ones, two of each fourth in a byte.
  static void decode(const uint8_t* unit, int64_t sub, Decoded* to) {
    const uint8_t* scales = unit + 96;
    to->d = load_half(unit + 108);
    for (int64_t half = 0; half < 2; ++half) {
      int64_t i = 2 * sub + half;
      int low = scales[i % 8] >> (i / 8 * 4) & 15, high = scales[8 + i % 4] >> (i / 4 * 2) & 3;
      to->scales[half] = static_cast<uint8_t>((low | high << 4) - 32);
    }
    decode_twos(unit + 32, sub, to->elements);
    for (int64_t i = 0; i < kBlockElements; ++i)
      to->elements[i] |= static_cast<uint8_t>((unit[i] >> sub & 1) << 2);
  }
};

// TQ: elements -1, 0 and 1, larger by one; eight blocks share d.
template <int64_t bytes>
struct TernaryBlocks {
  using Elements = Twos<0>;
  static constexpr int kBits = 2, kOffsetBits = 0, kScales = 1;
  static constexpr bool kHasMin = false;
  static constexpr int64_t kRounded = kBlockElements;
  static constexpr int64_t kSubs = 8;
  static constexpr int64_t kElementsAt = 0;
  static constexpr int64_t kHeader = kHalves, kBlock = Elements::kBytes;
  static constexpr int64_t kUnit = kHeader + kSubs * kBlock;
  static constexpr int64_t kFileBytes = bytes, kScaleAt = bytes - 2;

  static MAX_INLINE Floats scale(const uint8_t* unit, int64_t, int64_t column) {
    return load_halves(unit + column * 2);
  }

  static void put_scales(const Decoded& from, uint8_t* unit, int64_t, int64_t output) {
    std::memcpy(unit + output * 2, &from.d, sizeof from.d);
  }
  static float value(const uint8_t* unit, int64_t, int64_t output, int64_t, uint8_t element) {
    return float_of_half(load_half(unit + output * 2)) * static_cast<float>(element - 1);
  }
};

struct TQ2_0 : TernaryBlocks<66> {
  static void decode(const uint8_t* unit, int64_t sub, Decoded* to) {
    to->d = load_half(unit + kScaleAt);
    decode_twos(unit, sub, to->elements);
  }
};

// Five numbers of three values in a byte: digits of a fraction of 256, the first one first. Of 160, 80 and 16 elements,
// all first digits come first.
struct TQ1_0 : TernaryBlocks<54> {
  static void decode(const uint8_t* unit, int64_t sub, Decoded* to) {
    constexpr uint8_t powers[] = {1, 3, 9, 27, 81};
    to->d = load_half(unit + kScaleAt);
    for (int64_t i = 0; i < kBlockElements; ++i) {
      int64_t at = sub * kBlockElements + i, count = 32, from = 0;
      if (at >= 160) at -= 160, count = 16, from = 32;
      if (count == 16 && at >= 80) at -= 80, count = 4, from = 48;
      auto digits = static_cast<uint8_t>(unit[from + at % count] * powers[at / count]);
      to->elements[i] = static_cast<uint8_t>(digits * 3 >> 8);
    }
  }
};

}  // namespace max
