// The encodings of quantized weights: ggml's blocks in the file, and the panels they are packed into.
//
// In a file a row is blocks one after another (ggml-common.h). A panel has 32 outputs side by side, and
// along a row units of kSubs blocks of 32 elements:
//
//   unit [header: scales of the unit][kSubs blocks]
//   block [scales of the block][elements]
//
// Elements are unsigned: too large by 2^kOffsetBits where blocks have no minimum. Step g of a block is
// elements 4 g .. 4 g + 3 of all outputs, a byte each. Four low bits: step g and step 4 + g share bytes.
// The bits above them stand together: a word per output has bit 4 of all steps (Q5_K), two words have
// bits 4 and 5 of four steps each (Q6_K).

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

// One block of one row, taken apart.
struct Decoded {
  uint8_t elements[kBlockElements];
  uint16_t d = 0, dmin = 0;        // float16
  uint8_t scales[2] = {}, min = 0;  // of the block, where the unit has d
};

// Where the elements of a block with four low bits in nibbles stand; `above` bits are 0, 1 or 2.
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
    } else if constexpr (above == 2) {
      Words bits = load_words(high + step / 4 * kWords);
      if constexpr (step % 4 == 3)
        bits = shift_right<2>(bits);
      else
        bits = shift_left<4 - 2 * (step % 4)>(bits);
      return merged(low, bits, bytes(0x30));
    } else {
      return low;
    }
  }

  static void put(const uint8_t* elements, uint8_t* to, int64_t output) {
    uint8_t* high = to + kSteps / 2 * kWords + output * 4;
    for (int64_t step = 0; step < kSteps; ++step)
      for (int64_t c = 0; c < 4; ++c) {
        uint8_t element = elements[4 * step + c];
        to[step % 4 * kWords + output * 4 + c] |= (element & 15) << (step / 4 * 4);
        if (above == 1) high[c] |= (element >> 4) << step;
        if (above == 2) high[step / 4 * kWords + c] |= (element >> 4) << (step % 4 * 2);
      }
  }

  static void get(const uint8_t* from, int64_t output, uint8_t* elements) {
    const uint8_t* high = from + kSteps / 2 * kWords + output * 4;
    for (int64_t step = 0; step < kSteps; ++step)
      for (int64_t c = 0; c < 4; ++c) {
        int element = (from[step % 4 * kWords + output * 4 + c] >> (step / 4 * 4)) & 15;
        if (above == 1) element |= ((high[c] >> step) & 1) << 4;
        if (above == 2) element |= ((high[step / 4 * kWords + c] >> (step % 4 * 2)) & 3) << 4;
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
    for (int64_t i = 0; i < kBlockElements; ++i)
      to[i / 4 * kWords + output * 4 + i % 4] = elements[i];
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

// Q8_0, Q4_0 and Q5_0: a block has one scale.
template <typename Elements_, int bits>
struct ScaledBlocks {
  using Elements = Elements_;
  static constexpr int kBits = bits, kOffsetBits = bits - 1, kScales = 1;
  static constexpr bool kHasMin = false;
  static constexpr int64_t kSubs = 1;
  static constexpr int64_t kElementsAt = kHalves;
  static constexpr int64_t kHeader = 0, kBlock = kElementsAt + Elements::kBytes;

  static MAX_INLINE Floats scale(const uint8_t*, const uint8_t* block, int, int64_t column) {
    return load_halves(block + column * 2);
  }
  static MAX_INLINE Floats min(const uint8_t*, const uint8_t*, int64_t) { return zeros(); }

  static void put_scales(const Decoded& from, uint8_t*, uint8_t* block, int64_t output) {
    std::memcpy(block + output * 2, &from.d, sizeof from.d);
  }
  static float value(const uint8_t*, const uint8_t* block, int64_t output, int64_t, uint8_t element) {
    float d = float_of_half(load_half(block + output * 2));
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
  static constexpr int64_t kSubs = 1;
  static constexpr int64_t kElementsAt = 2 * kHalves;
  static constexpr int64_t kHeader = 0, kBlock = kElementsAt + Elements::kBytes;
  static constexpr int64_t kFileBytes = 4 + 16 + 4 * above;

  static MAX_INLINE Floats scale(const uint8_t*, const uint8_t* block, int, int64_t column) {
    return load_halves(block + column * 2);
  }
  static MAX_INLINE Floats min(const uint8_t*, const uint8_t* block, int64_t column) {
    return multiply(load_halves(block + kHalves + column * 2), broadcast(-1.0f));
  }

  static void put_scales(const Decoded& from, uint8_t*, uint8_t* block, int64_t output) {
    std::memcpy(block + output * 2, &from.d, sizeof from.d);
    std::memcpy(block + kHalves + output * 2, &from.dmin, sizeof from.dmin);
  }
  static float value(const uint8_t*, const uint8_t* block, int64_t output, int64_t, uint8_t element) {
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
  static constexpr bool kHasMin = true;
  static constexpr int64_t kSubs = 8;
  static constexpr int64_t kElementsAt = 2 * kOutputs;
  static constexpr int64_t kHeader = 2 * kHalves, kBlock = kElementsAt + Elements::kBytes;
  static constexpr int64_t kFileBytes = 16 + 32 * (4 + above);

  static MAX_INLINE Floats scale(const uint8_t* unit, const uint8_t* block, int, int64_t column) {
    return multiply(load_halves(unit + column * 2), load_bytes(block + column));
  }
  static MAX_INLINE Floats min(const uint8_t* unit, const uint8_t* block, int64_t column) {
    return multiply(load_halves(unit + kHalves + column * 2), load_bytes(block + kOutputs + column));
  }

  static void put_scales(const Decoded& from, uint8_t* unit, uint8_t* block, int64_t output) {
    std::memcpy(unit + output * 2, &from.d, sizeof from.d);
    std::memcpy(unit + kHalves + output * 2, &from.dmin, sizeof from.dmin);
    block[output] = from.scales[0];
    block[kOutputs + output] = from.min;
  }
  static float value(const uint8_t* unit, const uint8_t* block, int64_t output, int64_t,
                     uint8_t element) {
    float scale = float_of_half(load_half(unit + output * 2)) * block[output];
    float min = float_of_half(load_half(unit + kHalves + output * 2)) * block[kOutputs + output];
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
    for (int64_t i = 0; i < kBlockElements; ++i) {
      int element = (low[i] >> (sub % 2 * 4)) & 15;
      if (above == 1) element |= ((fifth[i] >> sub) & 1) << 4;
      to->elements[i] = static_cast<uint8_t>(element);
    }
  }
};

using Q4_K = MinBlocks<0>;
using Q5_K = MinBlocks<1>;

// Eight blocks share d; each half of a block has a signed scale of 8 bits.
struct Q6_K {
  using Elements = Nibbles<2>;
  static constexpr int kBits = 6, kOffsetBits = 5, kScales = 2;
  static constexpr bool kHasMin = false;
  static constexpr int64_t kSubs = 8;
  static constexpr int64_t kElementsAt = 2 * kOutputs;
  static constexpr int64_t kHeader = kHalves, kBlock = kElementsAt + Elements::kBytes;
  static constexpr int64_t kFileBytes = 210;

  static MAX_INLINE Floats scale(const uint8_t* unit, const uint8_t* block, int half, int64_t column) {
    return multiply(load_halves(unit + column * 2), load_signed_bytes(block + half * kOutputs + column));
  }
  static MAX_INLINE Floats min(const uint8_t*, const uint8_t*, int64_t) { return zeros(); }

  static void put_scales(const Decoded& from, uint8_t* unit, uint8_t* block, int64_t output) {
    std::memcpy(unit + output * 2, &from.d, sizeof from.d);
    block[output] = from.scales[0];
    block[kOutputs + output] = from.scales[1];
  }
  static float value(const uint8_t* unit, const uint8_t* block, int64_t output, int64_t i,
                     uint8_t element) {
    float scale = static_cast<int8_t>(block[i / 16 * kOutputs + output]);
    float d = float_of_half(load_half(unit + output * 2));
    return d * scale * static_cast<float>(element - (1 << kOffsetBits));
  }

  static void decode(const uint8_t* unit, int64_t sub, Decoded* to) {
    // Halves of 128 elements: 64 bytes of low bits, 32 bytes of high ones.
    const uint8_t* low = unit + sub / 4 * 64 + sub % 2 * 32;
    const uint8_t* high = unit + 128 + sub / 4 * 32;
    to->d = load_half(unit + 208);
    to->scales[0] = unit[192 + 2 * sub];
    to->scales[1] = unit[192 + 2 * sub + 1];
    for (int64_t i = 0; i < kBlockElements; ++i)
      to->elements[i] = ((low[i] >> (sub % 4 / 2 * 4)) & 15) |
                        (((high[i] >> (sub % 4 * 2)) & 3) << 4);
  }
};

// As `QuantizationEncoding` of max.graph.quantization names them; structs.py has the same numbers.
enum Encoding : int32_t {
  kQ8_0 = 0,
  kQ4_0 = 1,
  kQ4_1 = 2,
  kQ5_0 = 3,
  kQ5_1 = 4,
  kQ4_K = 5,
  kQ5_K = 6,
  kQ6_K = 7,
};

// Calls f with the traits of an encoding.
template <typename F>
auto with_encoding(Encoding encoding, const F& f) {
  switch (encoding) {
    case kQ8_0: return f(Q8_0());
    case kQ4_0: return f(Q4_0());
    case kQ4_1: return f(Q4_1());
    case kQ5_0: return f(Q5_0());
    case kQ5_1: return f(Q5_1());
    case kQ4_K: return f(Q4_K());
    case kQ5_K: return f(Q5_K());
    default: return f(Q6_K());
  }
}

template <typename E>
constexpr int64_t unit_bytes() { return E::kHeader + E::kSubs * E::kBlock; }

template <typename E>
constexpr int64_t unit_elements() { return E::kSubs * kBlockElements; }

}  // namespace max
