// Activations rounded to signed bytes, as they are multiplied with quantized weights: 32 with one scale,
// or 256 for the encodings whose units have 256 elements. Rows of a block of rows stand side by side.

#pragma once

#include <cstddef>
#include <type_traits>

#include "encodings.h"
#include "transpose.h"

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
  alignas(64) int8_t bytes[std::max(count, 4 * kFloats)];
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

// Of sums of four bytes: those of each kSummed.
template <int64_t count>
MAX_INLINE void sum_fours(const int32_t (&fours)[std::max(count / 4, kFloats)], int32_t (&sums)[count / kSummed]) {
  for (int64_t i = 0; i < count / kSummed; ++i)
    sums[i] = (fours[4 * i] + fours[4 * i + 1]) + (fours[4 * i + 2] + fours[4 * i + 3]);
}

// To the nearest of 255 multiples of the scale. An infinity or NaN makes the scale one.
template <int64_t count, typename Element>
void round_to_bytes(const Element* x, float largest, Rounded<count>* to) {
  to->scale = largest / 127.0f;
  float inverse = 127.0f / largest;
  if (!(inverse <= 0x1p126f)) inverse = 0;  // zeros, subnormal numbers and what is no number
  // The nearest integer is in the low bits of a sum with this.
  Floats factor = broadcast(inverse), round = broadcast(12582912.0f);
  int32_t fours[std::max(count / 4, kFloats)];
  for (int64_t i = 0; i < count; i += 4 * kFloats) {
    Words integers[4];
    for (int64_t v = 0; v < 4; ++v) {
      int64_t at = i + v * kFloats;
      integers[v] = at < count ? (Words)add(multiply(load_elements(x + at), factor), round) : broadcast_word(0);
    }
    Words rounded = low_bytes(integers), sums = dot_bytes<8>(broadcast_word(0), bytes(1), rounded);
    std::memcpy(to->bytes + i, &rounded, sizeof rounded);
    std::memcpy(fours + i / 4, &sums, sizeof sums);
  }
  sum_fours<count>(fours, to->sums);
}

// Of a block, for BlockActivations.
template <typename Element>
void round_activations(const Element* x, Rounded<kBlockElements>* to) {
  round_to_bytes(x, largest_magnitude<kBlockElements>(x), to);
}

template <int64_t count>
int32_t largest_sum_of_magnitudes(const Rounded<count>& x) {
  int32_t fours[std::max(count / 4, kFloats)], sums[count / kSummed], largest = 0;
  for (int64_t i = 0; i < count; i += 4 * kFloats) {
    Words magnitudes = dot_bytes<8>(broadcast_word(0), byte_magnitudes(load_words(x.bytes + i)), bytes(1));
    std::memcpy(fours + i / 4, &magnitudes, sizeof magnitudes);
  }
  sum_fours<count>(fours, sums);
  for (int32_t sum : sums) largest = std::max(largest, sum);
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

MAX_INLINE uint32_t pair_of_shorts(int32_t high, int32_t low) {
  return word_of(high) << 16 | static_cast<uint16_t>(low);
}

inline void put_activations(const Rounded<kBlockElements>& from, BlockActivations<1>* to) {
  int32_t sum = from.sums[0] + from.sums[1];
  std::memcpy(to->steps, from.bytes, sizeof to->steps);
  to->scale[0] = from.scale;
  to->sum[0] = static_cast<float>(sum) * from.scale;
  to->minus_sum[0] = word_of(-sum);
  to->minus_first[0] = word_of(-from.sums[0]);
}

inline void put_activations(const Rounded<kUnitElements>& from, UnitActivations<1>* to) {
  int32_t sums[kUnitBlocks];
  for (int64_t block = 0; block < kUnitBlocks; ++block) {
    int32_t first = from.sums[2 * block], second = from.sums[2 * block + 1];
    sums[block] = first + second;
    to->half_pairs[block][0] = pair_of_shorts(first, second);
    to->starts_of_fives[block][0] = word_of(-16 * sums[block]);
  }
  for (int64_t half = 0; half < 2 * kUnitBlocks; ++half) to->starts_of_sixes[half][0] = word_of(-32 * from.sums[half]);
  for (int64_t pair = 0; pair < kUnitPairs; ++pair) to->pairs[pair][0] = pair_of_shorts(sums[2 * pair], sums[2 * pair + 1]);
  std::memcpy(to->steps, from.bytes, sizeof to->steps);
  to->scale[0] = from.scale;
}

// Puts the words of some rows, at most kTileRows, `stride` words apart, side by side: to [words][rows].
inline void put_side_by_side(const uint32_t* from, int64_t stride, int64_t words, int64_t rows, uint32_t* to) {
  int64_t word = 0;
#if defined(__AVX512F__)
  if (rows == kHalf) {
    const uint32_t* halves[kTransposed];  // of as many words of each row
    for (int64_t r = 0; r < kTransposed; ++r) halves[r] = from + r % kHalf * stride + r / kHalf * kHalf;
    for (; word + kTransposed <= words; word += kTransposed) {
      Words columns[kHalf];
      transpose_half(halves, word, columns);
      for (int64_t i = 0; i < kHalf; ++i) {
        uint32_t* at = to + (word + i) * kHalf;
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), _mm512_castsi512_si256(columns[i]));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(at + kHalf * kHalf), _mm512_extracti64x4_epi64(columns[i], 1));
      }
    }
  }
#endif
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = word; i < words; ++i) to[i * rows + r] = from[r * stride + i];
}

}  // namespace max
