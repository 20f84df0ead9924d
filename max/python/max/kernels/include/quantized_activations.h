// Activations rounded to signed bytes, as they are multiplied with quantized weights: 32 with one scale,
// or 256 for the encodings whose units have 256 elements. Rows of a block of rows stand side by side.

#pragma once

#include <cstddef>
#include <type_traits>

#include "encodings.h"

namespace max {

constexpr int64_t kUnitBlocks = 8;
constexpr int64_t kUnitPairs = kUnitBlocks / 2;
constexpr int64_t kUnitElements = kUnitBlocks * kBlockElements;
// Bytes are summed by so many: half a block.
constexpr int64_t kSummed = kBlockElements / 2;
// The most to which the magnitudes of kSummed bytes of a unit sum up, so that their products with
// numbers up to 32, or those of twice as many with numbers up to 16, have a sum that fits a short.
constexpr int32_t kMostSummed = 1023;

// 32 activations of some rows. All members are words, those of a row are `rows` apart.
template <int64_t rows>
struct BlockActivations {
  uint32_t steps[kSteps][rows];  // four bytes each
  float scale[rows];
  float sum[rows];  // of the bytes times their scale
  uint32_t minus_sum[rows], minus_first[rows];  // of the bytes, and of the first half of them
};

// 256 activations of some rows.
template <int64_t rows>
struct UnitActivations {
  uint32_t steps[kUnitBlocks * kSteps][rows];
  uint32_t pairs[kUnitPairs][rows];  // two blocks' sums of bytes as shorts, the second one low
  uint32_t half_pairs[kUnitBlocks][rows];  // of a block's halves
  // What sums of products begin with, so that weights of 5 bits count as smaller by 16, those of 6 by 32.
  uint32_t starts_of_fives[kUnitBlocks][rows];
  uint32_t starts_of_sixes[2 * kUnitBlocks][rows];  // of halves of blocks
  float scale[rows];
};

// What so many activations with one scale become.
template <int64_t count, int64_t rows>
using Activations =
    std::conditional_t<count == kBlockElements, BlockActivations<rows>, UnitActivations<rows>>;

// Bytes of a block of one row that cpu.py allots.
static_assert(sizeof(BlockActivations<1>) <= 52 && sizeof(UnitActivations<1>) <= kUnitBlocks * 52);

// The bytes of one row's activations, with one scale, and the sums of each kSummed of them.
template <int64_t count>
struct Rounded {
  alignas(64) int8_t bytes[std::max(count, 4 * kFloats)] = {};
  int32_t sums[count / kSummed];
  float scale;
};

template <int64_t count, typename Element>
float largest_magnitude(const Element* x) {
  Words most = broadcast_word(0);
  for (int64_t i = 0; i < count; i += kFloats)
    most = larger_word(most, (Words)load_elements(x + i) & broadcast_word(0x7fffffff));
  uint32_t magnitudes[kFloats], largest_bits = 0;
  std::memcpy(magnitudes, &most, sizeof magnitudes);
  for (uint32_t bits : magnitudes) largest_bits = std::max(largest_bits, bits);
  float largest;
  std::memcpy(&largest, &largest_bits, sizeof largest);
  return largest;
}

// Sums of each kSummed bytes times a factor: the first words of as many.
MAX_INLINE void sum_bytes(Words magnitudes, Words factors, int32_t (&sums)[kFloats]) {
  Words fours = dot_bytes<8>(broadcast_word(0), magnitudes, factors);
  std::memcpy(sums, &fours, sizeof sums);
  for (int64_t i = 0; i < kFloats; i += 4) sums[i] += sums[i + 1] + sums[i + 2] + sums[i + 3];
}

// To the nearest of 255 multiples of the scale. An infinity or NaN makes the scale one.
template <int64_t count, typename Element>
void round_to_bytes(const Element* x, float largest, Rounded<count>* to) {
  to->scale = largest / 127.0f;
  float inverse = 127.0f / largest;
  if (!(inverse <= 0x1p126f)) inverse = 0;  // zeros, subnormal numbers and what is no number
  // The nearest integer is in the low bits of a sum with this.
  Floats factor = broadcast(inverse), round = broadcast(12582912.0f);
  for (int64_t i = 0; i < count; i += kFloats)
    store_low_bytes(to->bytes + i, (Words)add(multiply(load_elements(x + i), factor), round));
  for (int64_t i = 0; i < count; i += 4 * kFloats) {
    int32_t sums[kFloats];
    sum_bytes(bytes(1), load_words(to->bytes + i), sums);
    for (int64_t n = 0; n < std::min(count - i, 4 * kFloats); n += kSummed)
      to->sums[(i + n) / kSummed] = sums[n / 4];
  }
}

// Of a block, for BlockActivations.
template <typename Element>
void round_activations(const Element* x, Rounded<kBlockElements>* to) {
  round_to_bytes(x, largest_magnitude<kBlockElements>(x), to);
}

template <int64_t count>
int32_t largest_sum_of_magnitudes(const Rounded<count>& x) {
  int32_t largest = 0;
  for (int64_t i = 0; i < count; i += 4 * kFloats) {
    int32_t sums[kFloats];
    sum_bytes(byte_magnitudes(load_words(x.bytes + i)), bytes(1), sums);
    for (int64_t n = 0; n < kFloats; n += 4) largest = std::max(largest, sums[n]);
  }
  return largest;
}

// Of a unit, for UnitActivations. Where many magnitudes are near the largest, their scale is so much
// larger that sums keep to kMostSummed.
template <typename Element>
void round_activations(const Element* x, Rounded<kUnitElements>* to) {
  float largest = largest_magnitude<kUnitElements>(x);
  round_to_bytes(x, largest, to);
  int32_t sum = largest_sum_of_magnitudes(*to);
  // Rounding adds no more than half of each byte, twice.
  if (sum > kMostSummed) round_to_bytes(x, largest * (static_cast<float>(sum) / 1007.0f), to);
}

template <typename T>
MAX_INLINE uint32_t word_of(T x) {
  uint32_t word;
  static_assert(sizeof x == sizeof word);
  std::memcpy(&word, &x, sizeof word);
  return word;
}

MAX_INLINE void put_steps(const int8_t* bytes, int64_t steps, int64_t rows, uint32_t* to) {
  for (int64_t step = 0; step < steps; ++step)
    std::memcpy(&to[step * rows], bytes + 4 * step, sizeof *to);
}

MAX_INLINE uint32_t pair_of_shorts(int32_t high, int32_t low) {
  return word_of(high) << 16 | static_cast<uint16_t>(low);
}

// Writes one row of BlockActivations<rows>, or of UnitActivations<rows>.
inline void put_activations(const Rounded<kBlockElements>& from, int64_t rows, uint32_t* to) {
  using At = BlockActivations<1>;
  int32_t sum = from.sums[0] + from.sums[1];
  put_steps(from.bytes, kSteps, rows, to);
  to[offsetof(At, scale) / 4 * rows] = word_of(from.scale);
  to[offsetof(At, sum) / 4 * rows] = word_of(static_cast<float>(sum) * from.scale);
  to[offsetof(At, minus_sum) / 4 * rows] = word_of(-sum);
  to[offsetof(At, minus_first) / 4 * rows] = word_of(-from.sums[0]);
}

inline void put_activations(const Rounded<kUnitElements>& from, int64_t rows, uint32_t* to) {
  using At = UnitActivations<1>;
  put_steps(from.bytes, kUnitBlocks * kSteps, rows, to);
  uint32_t* fives = to + offsetof(At, starts_of_fives) / 4 * rows;
  uint32_t* sixes = to + offsetof(At, starts_of_sixes) / 4 * rows;
  int32_t sums[kUnitBlocks];
  for (int64_t block = 0; block < kUnitBlocks; ++block) {
    const int32_t* halves = from.sums + 2 * block;
    sums[block] = halves[0] + halves[1];
    to[(offsetof(At, half_pairs) / 4 + block) * rows] = pair_of_shorts(halves[0], halves[1]);
    fives[block * rows] = word_of(-16 * sums[block]);
    for (int64_t half = 0; half < 2; ++half) sixes[(2 * block + half) * rows] = word_of(-32 * halves[half]);
  }
  for (int64_t pair = 0; pair < kUnitPairs; ++pair)
    to[(offsetof(At, pairs) / 4 + pair) * rows] =
        pair_of_shorts(sums[2 * pair], sums[2 * pair + 1]);
  to[offsetof(At, scale) / 4 * rows] = word_of(from.scale);
}

}  // namespace max
