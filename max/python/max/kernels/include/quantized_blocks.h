// The encodings of quantized weights: ggml's blocks in the file, and the panels they are packed into.
//
// In a file a row is blocks one after another (ggml-common.h). A panel has 32 outputs side by side, and
// along a row units of kSubs blocks of 32 elements:
//
//   unit of Q4_K, Q5_K, Q6_K [scales of blocks][kSubs blocks of elements][minimums of blocks][d, dmin]
//   unit of the others, one block [scale, minimum][elements]
//
// in the order in which they are needed: memory is read in sequence. small_blocks.h, table_blocks.h and grid_blocks.h
// have further ones; encodings.h has all.
//
// Elements are unsigned: too large by 2^kOffsetBits where blocks have no minimum. Step g of a block is
// elements 4 g .. 4 g + 3 of all outputs, a byte each. Of four bits (Nibbles): step g and step 4 + g share
// bytes; a fifth bit of all steps is in one word per output more. Of six bits (Sixes): of four steps three
// have a byte each, and the fourth the two bits that are left in each of those.

#pragma once

#include <algorithm>

#include "bytes.h"
#include "packed_linear.h"

namespace max {

// Outputs of a panel: two of AVX-512's vectors, so that a tile of six rows has registers for integer
// sums and for float sums of them.
constexpr int64_t kOutputs = 32;
constexpr int64_t kBlockElements = 32;
constexpr int64_t kSteps = kBlockElements / 4;
constexpr int64_t kWords = kOutputs * 4;   // bytes of a step
constexpr int64_t kHalves = kOutputs * 2;  // bytes of a float16 for each output

MAX_INLINE uint16_t load_half(const uint8_t* from) {
  uint16_t bits;
  std::memcpy(&bits, from, sizeof bits);
  return bits;
}

// Small integers of a unit, a byte each, for each output: four stand in a word, so that the bytes of even
// place are two neighbours as a pair of shorts, the first of them high, and those of odd place the next.
struct SmallScales {
  static constexpr int64_t bytes(int64_t count) { return count / 4 * kWords; }
  static constexpr int64_t at(int64_t i, int64_t output) {
    constexpr int64_t place[] = {2, 0, 3, 1};
    return i / 4 * kWords + output * 4 + place[i % 4];
  }
  // The pairs of `count` numbers of a vector of outputs: all bits of their bytes, or those of `mask` after
  // shifting a byte to the right.
  template <bool is_signed, int64_t count, int shift = 0, uint8_t mask = 0xff>
  static MAX_INLINE void load_pairs(const uint8_t* from, int64_t column, Words (&pairs)[count / 2]) {
    for (int64_t i = 0; i < count / 4; ++i) {
      Words four = load_words(from + i * kWords + column * 4);
      if constexpr (mask != 0xff) four = shift_right<shift>(four) & max::bytes(mask);
      pairs[2 * i] = even_bytes<is_signed>(four);
      pairs[2 * i + 1] = odd_bytes<is_signed>(four);
    }
  }
};

// Some bits of each of eight bytes: those of `mask` after shifting a byte to the right.
MAX_INLINE uint64_t bits_of_eight(const uint8_t* from, int64_t shift, uint64_t mask) {
  uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return (word >> shift) & (mask * 0x0101010101010101);
}

// One block of one row, taken apart.
struct Decoded {
  uint8_t elements[kBlockElements];
  uint16_t d = 0, dmin = 0;        // float16
  uint8_t scales[2] = {}, min = 0;  // of the block, where the unit has d
};

// Where the elements of a block with four low bits in nibbles stand; `above` bits are 0 or 1.
template <int above>
struct Nibbles {
  static constexpr int64_t kBytes = (kSteps / 2 + above) * kWords;

  template <int step>
  static MAX_INLINE Words load(const uint8_t* from, int64_t column) {
    Words low = load_words(from + step % 4 * kWords + column * 4);
    if constexpr (step >= 4) low = shift_right<4>(low);
    low = low & bytes(0x0f);
    const uint8_t* high = from + kSteps / 2 * kWords + column * 4;
    if constexpr (above == 1) {
      Words bits = load_words(high);
      if constexpr (step <= 4)
        bits = shift_left<4 - step>(bits);
      else
        bits = shift_right<step - 4>(bits);
      return merged(low, bits, bytes(0x10));
    } else {
      return low;
    }
  }

  // Four elements at a time: no bits cross from one byte of a word to the next.
  static void put(const uint8_t* elements, uint8_t* to, int64_t output) {
    uint32_t high = 0;
    for (int64_t step = 0; step < kSteps / 2; ++step) {
      uint32_t first = load_word(elements + 4 * step), second = load_word(elements + 16 + 4 * step);
      uint32_t low = (first & 0x0f0f0f0f) | (second & 0x0f0f0f0f) << 4;
      std::memcpy(to + step * kWords + output * 4, &low, sizeof low);
      high |= ((first >> 4) & 0x01010101) << step | ((second >> 4) & 0x01010101) << (4 + step);
    }
    if (above == 1) std::memcpy(to + kSteps / 2 * kWords + output * 4, &high, sizeof high);
  }

  static void get(const uint8_t* from, int64_t output, uint8_t* elements) {
    const uint8_t* high = from + kSteps / 2 * kWords + output * 4;
    for (int64_t step = 0; step < kSteps; ++step)
      for (int64_t c = 0; c < 4; ++c) {
        int element = (from[step % 4 * kWords + output * 4 + c] >> (step / 4 * 4)) & 15;
        if (above == 1) element |= ((high[c] >> step) & 1) << 4;
        elements[4 * step + c] = static_cast<uint8_t>(element);
      }
  }
};

// Elements of six bits: three bytes have one each, and two bits of a fourth element.
struct Sixes {
  static constexpr int64_t kBytes = kSteps / 4 * 3 * kWords;

  template <int step>
  static MAX_INLINE Words load(const uint8_t* from, int64_t column) {
    const uint8_t* three = from + step / 4 * 3 * kWords + column * 4;
    if constexpr (step % 4 < 3) return load_words(three + step % 4 * kWords) & bytes(0x3f);
    Words element = shift_right<6>(load_words(three)) & bytes(0x03);
    element = merged(element, shift_right<4>(load_words(three + kWords)), bytes(0x0c));
    return merged(element, shift_right<2>(load_words(three + 2 * kWords)), bytes(0x30));
  }

  static void put(const uint8_t* elements, uint8_t* to, int64_t output) {
    for (int64_t half = 0; half < 2; ++half) {
      uint32_t fourth = load_word(elements + 16 * half + 12);
      for (int64_t i = 0; i < 3; ++i) {
        uint32_t word = load_word(elements + 16 * half + 4 * i);
        word |= (fourth >> (2 * i) & 0x03030303) << 6;
        std::memcpy(to + (3 * half + i) * kWords + output * 4, &word, sizeof word);
      }
    }
  }

  static void get(const uint8_t* from, int64_t output, uint8_t* elements) {
    for (int64_t step = 0; step < kSteps; ++step)
      for (int64_t c = 0; c < 4; ++c) {
        const uint8_t* three = from + step / 4 * 3 * kWords + output * 4 + c;
        int element = three[step % 4 * kWords % (3 * kWords)] & 63;
        if (step % 4 == 3)
          element = three[0] >> 6 | three[kWords] >> 6 << 2 | three[2 * kWords] >> 6 << 4;
        elements[4 * step + c] = static_cast<uint8_t>(element);
      }
  }
};

struct Bytes {
  static constexpr int64_t kBytes = kSteps * kWords;

  template <int step>
  static MAX_INLINE Words load(const uint8_t* from, int64_t column) {
    return load_words(from + step * kWords + column * 4);
  }

  static void put(const uint8_t* elements, uint8_t* to, int64_t output) {
    for (int64_t step = 0; step < kSteps; ++step)
      std::memcpy(to + step * kWords + output * 4, elements + 4 * step, 4);
  }

  static void get(const uint8_t* from, int64_t output, uint8_t* elements) {
    for (int64_t i = 0; i < kBlockElements; ++i)
      elements[i] = from[i / 4 * kWords + output * 4 + i % 4];
  }
};

// Elements of four bits: the first half of a block's in the low bits of 16 bytes.
inline void decode_fours(const uint8_t* from, uint8_t* elements) {
  for (int64_t i = 0; i < kBlockElements; ++i) elements[i] = (from[i % 16] >> (i / 16 * 4)) & 15;
}

// Elements of five bits: the fifth ones in a word before the others.
inline void decode_fives(const uint8_t* from, uint8_t* elements) {
  decode_fours(from + 4, elements);
  for (int64_t i = 0; i < kBlockElements; ++i)
    elements[i] |= static_cast<uint8_t>(((from[i / 8] >> (i % 8)) & 1) << 4);
}

// A scale of 16 bits: a float16, or the upper half of a float.
struct HalfScale {
  static MAX_INLINE Floats load(const uint8_t* from) { return load_halves(from); }
  static float value(uint16_t bits) { return float_of_half(bits); }
};
struct Bfloat16Scale {
  static MAX_INLINE Floats load(const uint8_t* from) {
    return load_elements(reinterpret_cast<const bfloat16*>(from));
  }
  static float value(bfloat16 bits) { return max::load(bits); }
};

// Q8_0, Q4_0 and Q5_0: a block has one scale.
template <typename Elements_, int bits, typename Scale = HalfScale>
struct ScaledBlocks {
  using Elements = Elements_;
  static constexpr int kBits = bits, kOffsetBits = bits - 1, kScales = 1;
  static constexpr bool kHasMin = false;
  // Elements of activations that have one scale (quantized_activations.h).
  static constexpr int64_t kRounded = kBlockElements;
  static constexpr int64_t kSubs = 1;
  static constexpr int64_t kElementsAt = kHalves;
  static constexpr int64_t kHeader = 0, kBlock = kElementsAt + Elements::kBytes, kUnit = kBlock;

  static MAX_INLINE Floats scale(const uint8_t* block, int64_t, int64_t column) {
    return Scale::load(block + column * 2);
  }

  static void put_scales(const Decoded& from, uint8_t* block, int64_t, int64_t output) {
    std::memcpy(block + output * 2, &from.d, sizeof from.d);
  }
  static float value(const uint8_t* block, int64_t, int64_t output, int64_t, uint8_t element) {
    float d = Scale::value(load_half(block + output * 2));
    return d * static_cast<float>(element - (1 << kOffsetBits));
  }
};

struct Q8_0 : ScaledBlocks<Bytes, 8> {
  static constexpr int64_t kFileBytes = 34;
  static void decode(const uint8_t* unit, int64_t, Decoded* to) {
    to->d = load_half(unit);
    for (int64_t i = 0; i < kBlockElements; ++i) to->elements[i] = unit[2 + i] ^ 0x80;
  }
};

struct Q4_0 : ScaledBlocks<Nibbles<0>, 4> {
  static constexpr int64_t kFileBytes = 18;
  static void decode(const uint8_t* unit, int64_t, Decoded* to) {
    to->d = load_half(unit);
    decode_fours(unit + 2, to->elements);
  }
};

struct Q5_0 : ScaledBlocks<Nibbles<1>, 5> {
  static constexpr int64_t kFileBytes = 22;
  static void decode(const uint8_t* unit, int64_t, Decoded* to) {
    to->d = load_half(unit);
    decode_fives(unit + 2, to->elements);
  }
};

// Q4_1 and Q5_1: a block has a scale and what is added to its elements: its minimum, negative.
template <int above>
struct ShiftedBlocks {
  using Elements = Nibbles<above>;
  static constexpr int kBits = 4 + above, kScales = 1;
  static constexpr bool kHasMin = true;
  static constexpr int64_t kRounded = kBlockElements;
  static constexpr int64_t kSubs = 1;
  static constexpr int64_t kElementsAt = 2 * kHalves;
  static constexpr int64_t kHeader = 0, kBlock = kElementsAt + Elements::kBytes, kUnit = kBlock;
  static constexpr int64_t kFileBytes = 4 + 16 + 4 * above;

  static MAX_INLINE Floats scale(const uint8_t* block, int64_t, int64_t column) {
    return load_halves(block + column * 2);
  }
  static MAX_INLINE Floats minus_min(const uint8_t* block, int64_t column) {
    return load_halves(block + kHalves + column * 2);
  }

  static void put_scales(const Decoded& from, uint8_t* block, int64_t, int64_t output) {
    std::memcpy(block + output * 2, &from.d, sizeof from.d);
    std::memcpy(block + kHalves + output * 2, &from.dmin, sizeof from.dmin);
  }
  static float value(const uint8_t* block, int64_t, int64_t output, int64_t, uint8_t element) {
    float scaled = float_of_half(load_half(block + output * 2)) * static_cast<float>(element);
    return scaled + float_of_half(load_half(block + kHalves + output * 2));
  }

  static void decode(const uint8_t* unit, int64_t, Decoded* to) {
    to->d = load_half(unit);
    to->dmin = load_half(unit + 2);
    if (above == 1)
      decode_fives(unit + 4, to->elements);
    else
      decode_fours(unit + 4, to->elements);
  }
};

using Q4_1 = ShiftedBlocks<0>;
using Q5_1 = ShiftedBlocks<1>;

// Q4_K and Q5_K: eight blocks share d and dmin; each has a scale and a minimum of 6 bits.
template <int above>
struct MinBlocks {
  using Elements = Nibbles<above>;
  static constexpr int kBits = 4 + above, kScales = 1;
  // Elements are multiplied as if they were smaller by 2^kOffsetBits: then sums of 32 products fit 16 bits.
  static constexpr int kOffsetBits = above == 0 ? 0 : 3 + above;
  static constexpr bool kHasMin = true;
  static constexpr int64_t kRounded = 256;
  static constexpr int64_t kSubs = 8;
  static constexpr int64_t kElementsAt = 0;
  static constexpr int64_t kHeader = SmallScales::bytes(kSubs), kBlock = Elements::kBytes;
  static constexpr int64_t kMinsAt = kHeader + kSubs * kBlock;
  static constexpr int64_t kScaleAt = kMinsAt + SmallScales::bytes(kSubs), kMinAt = kScaleAt + kHalves;
  static constexpr int64_t kUnit = kMinAt + kHalves;
  static constexpr int64_t kFileBytes = 16 + 32 * (4 + above);

  static MAX_INLINE Floats scale(const uint8_t* unit, int64_t column) {
    return load_halves(unit + kScaleAt + column * 2);
  }
  static MAX_INLINE Floats minus_min(const uint8_t* unit, int64_t column) {
    return multiply(load_halves(unit + kMinAt + column * 2), broadcast(-1.0f));
  }
  static MAX_INLINE void load_scales(const uint8_t* unit, int64_t column, Words (&pairs)[kSubs / 2]) {
    SmallScales::load_pairs<false, kSubs>(unit, column, pairs);
  }
  static MAX_INLINE void load_mins(const uint8_t* unit, int64_t column, Words (&pairs)[kSubs / 2]) {
    SmallScales::load_pairs<false, kSubs>(unit + kMinsAt, column, pairs);
  }

  static void put_scales(const Decoded& from, uint8_t* unit, int64_t sub, int64_t output) {
    std::memcpy(unit + kScaleAt + output * 2, &from.d, sizeof from.d);
    std::memcpy(unit + kMinAt + output * 2, &from.dmin, sizeof from.dmin);
    unit[SmallScales::at(sub, output)] = from.scales[0];
    unit[kMinsAt + SmallScales::at(sub, output)] = from.min;
  }
  static float value(const uint8_t* unit, int64_t sub, int64_t output, int64_t, uint8_t element) {
    int64_t at = SmallScales::at(sub, output);
    float scale = float_of_half(load_half(unit + kScaleAt + output * 2)) * unit[at];
    float min = float_of_half(load_half(unit + kMinAt + output * 2)) * unit[kMinsAt + at];
    return scale * static_cast<float>(element) - min;
  }

  static void decode(const uint8_t* unit, int64_t sub, Decoded* to) {
    to->d = load_half(unit);
    to->dmin = load_half(unit + 2);
    const uint8_t* packed = unit + 4;
    if (sub < 4) {
      to->scales[0] = packed[sub] & 63;
      to->min = packed[sub + 4] & 63;
    } else {
      to->scales[0] = (packed[sub + 4] & 15) | ((packed[sub - 4] >> 6) << 4);
      to->min = (packed[sub + 4] >> 4) | ((packed[sub] >> 6) << 4);
    }
    const uint8_t* fifth = unit + 16;
    const uint8_t* low = fifth + 32 * above + sub / 2 * 32;
    for (int64_t i = 0; i < kBlockElements; i += 8) {
      uint64_t elements = bits_of_eight(low + i, sub % 2 * 4, 15);
      if (above == 1) elements |= bits_of_eight(fifth + i, sub, 1) << 4;
      std::memcpy(to->elements + i, &elements, sizeof elements);
    }
  }
};

using Q4_K = MinBlocks<0>;
using Q5_K = MinBlocks<1>;

// Eight blocks share d; each half of a block has a signed scale of 8 bits.
struct Q6_K {
  using Elements = Sixes;
  static constexpr int kBits = 6, kOffsetBits = 5, kScales = 2;
  static constexpr bool kHasMin = false;
  static constexpr int64_t kRounded = 256;
  static constexpr int64_t kSubs = 8;
  static constexpr int64_t kElementsAt = 0;
  static constexpr int64_t kHeader = SmallScales::bytes(2 * kSubs), kBlock = Elements::kBytes;
  static constexpr int64_t kScaleAt = kHeader + kSubs * kBlock, kUnit = kScaleAt + kHalves;
  static constexpr int64_t kFileBytes = 210;

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

  static void decode(const uint8_t* unit, int64_t sub, Decoded* to) {
    // Halves of 128 elements: 64 bytes of low bits, 32 bytes of high ones.
    const uint8_t* low = unit + sub / 4 * 64 + sub % 2 * 32;
    const uint8_t* high = unit + 128 + sub / 4 * 32;
    to->d = load_half(unit + 208);
    to->scales[0] = unit[192 + 2 * sub];
    to->scales[1] = unit[192 + 2 * sub + 1];
    for (int64_t i = 0; i < kBlockElements; i += 8) {
      uint64_t elements = bits_of_eight(low + i, sub % 4 / 2 * 4, 15) |
                          bits_of_eight(high + i, sub % 4 * 2, 3) << 4;
      std::memcpy(to->elements + i, &elements, sizeof elements);
    }
  }
};

template <typename E>
constexpr int64_t unit_elements() { return E::kSubs * kBlockElements; }

}  // namespace max
