// Products of some rows' activations with a panel of quantized weights: the inner loops.
//
// Sums of products of bytes are exact. Where blocks of activations have scales, a block's is scaled to float32
// and added to the output's. Where units of them do (Q2_K to Q6_K), sums are multiplied with the small integers
// that scale them and added up as integers too: two of them at a time, as a pair of shorts. The unit's
// sum is scaled to float32 and added to the output's. All that multiplies shares the units of vpdpbusd;
// adding, shifting and converting are done beside it.

#pragma once

#include <utility>

#include "ahead.h"
#include "quantized_activations.h"

namespace max {

// Rows of a tile, and its vectors of outputs: as many as there are registers for their sums, of which an
// encoding with units has three for each, others two; or two where sums of steps are shorts.
#if defined(__AVX512F__)
constexpr int64_t kTileRows = 8, kSumRegisters = 24;
#else
constexpr int64_t kTileRows = 6, kSumRegisters = 12;
#endif
template <typename E>
constexpr bool kSumsShorts = kStepsInShorts<E::kBits> > 0;
template <typename E, int64_t rows>
constexpr int64_t kTileVectors =
    rows * 2 * (E::kRounded == kBlockElements || kSumsShorts<E> ? 2 : 3) <= kSumRegisters ? 2 : 1;

template <typename F, int... n>
MAX_INLINE void for_steps(std::integer_sequence<int, n...>, const F& f) {
  (f(std::integral_constant<int, n>()), ...);
}

// The products of steps [first, first + count) of a block as sums of shorts, which hold them.
template <typename E, int first, int count, int64_t rows, int64_t vectors>
MAX_INLINE void sum_in_shorts(const uint8_t* block, int64_t column, const uint32_t (*x)[rows],
                              Words (&sums)[rows][vectors]) {
  for (auto& row : sums)
    for (Words& sum : row) sum = broadcast_word(0);
  for_steps(std::make_integer_sequence<int, count>(), [&](auto n) MAX_INLINE_LAMBDA {
    Words w[vectors];
    for (int64_t v = 0; v < vectors; ++v)
      w[v] = E::Elements::template load<first + n>(block + E::kElementsAt, column + v * kFloats);
    for (int64_t r = 0; r < rows; ++r) {
      Words a = broadcast_word(x[n][r]);
      for (int64_t v = 0; v < vectors; ++v) sums[r][v] = add_pairs(sums[r][v], w[v], a);
    }
  });
}

// Adds the products of steps [first, first + count) of a block times factors, which each word has twice as shorts.
template <typename E, int first, int count, int64_t rows, int64_t vectors>
MAX_INLINE void add_in_shorts(const uint8_t* block, int64_t column, const uint32_t (*x)[rows],
                              const Words (&factors)[vectors], Words (&sums)[rows][vectors]) {
  constexpr int held = std::min(count, std::max(1, kStepsInShorts<E::kBits>));
  for_steps(std::make_integer_sequence<int, count / held>(), [&](auto part) MAX_INLINE_LAMBDA {
    constexpr int begin = part * held;
    Words shorts[rows][vectors];
    sum_in_shorts<E, first + begin, held>(block, column, x + begin, shorts);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t v = 0; v < vectors; ++v) sums[r][v] = dot_shorts(sums[r][v], shorts[r][v], factors[v]);
  });
}

// Adds the products of steps [first, first + count) of a block.
template <typename E, int first, int count, int64_t rows, int64_t vectors>
MAX_INLINE void add_steps(const uint8_t* block, int64_t column, const uint32_t (*x)[rows],
                          Words (&sums)[rows][vectors]) {
  if constexpr (kSumsShorts<E>) {
    Words ones[vectors];
    for (Words& one : ones) one = broadcast_word(0x00010001);
    return add_in_shorts<E, first, count>(block, column, x, ones, sums);
  }
  for_steps(std::make_integer_sequence<int, count>(), [&](auto n) MAX_INLINE_LAMBDA {
    Words w[vectors];
    for (int64_t v = 0; v < vectors; ++v)
      w[v] = E::Elements::template load<first + n>(block + E::kElementsAt, column + v * kFloats);
    for (int64_t r = 0; r < rows; ++r)
      if constexpr (vectors == 1) {
        sums[r][0] = dot_bytes<E::kBits>(sums[r][0], w[0], &x[n][r]);
      } else {
        Words a = broadcast_word(x[n][r]);
        for (int64_t v = 0; v < vectors; ++v) sums[r][v] = dot_bytes<E::kBits>(sums[r][v], w[v], a);
      }
  });
}

template <int64_t rows, int64_t vectors>
MAX_INLINE void load_sums(const float* sums, Floats (&tile)[rows][vectors]) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < vectors; ++v)
      tile[r][v] = load_floats(sums + r * kOutputs + v * kFloats);
}

template <int64_t rows, int64_t vectors>
MAX_INLINE void store_sums(const Floats (&tile)[rows][vectors], float* sums) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < vectors; ++v)
      store_floats(sums + r * kOutputs + v * kFloats, tile[r][v]);
}

// Adds the products of block `sub` of a unit, or of number `part` of its parts that have scales.
template <typename E, int part, int64_t rows, int64_t vectors>
MAX_INLINE void add_part(const uint8_t* unit, int64_t sub, int64_t column, const BlockActivations<rows>& x,
                         Floats (&tile)[rows][vectors]) {
  constexpr int count = kSteps / E::kScales;
  Words sums[rows][vectors];
  for (int64_t r = 0; r < rows; ++r) {
    Words start = broadcast_word(0);
    if constexpr (!E::kHasMin) {
      uint32_t minus_sum = x.minus_sum[r];
      if constexpr (E::kScales == 2) minus_sum = part == 0 ? x.minus_first[r] : minus_sum - x.minus_first[r];
      start = shift_left<E::kOffsetBits>(broadcast_word(minus_sum));
    }
    for (int64_t v = 0; v < vectors; ++v) sums[r][v] = start;
  }
  add_steps<E, part * count, count>(unit + E::kHeader + sub * E::kBlock, column, x.steps + part * count, sums);
  for (int64_t v = 0; v < vectors; ++v) {
    Floats scale = E::scale(unit, sub * E::kScales + part, column + v * kFloats);
    for (int64_t r = 0; r < rows; ++r) {
      Floats x_scale = broadcast(x.scale[r]);
      tile[r][v] = multiply_add(multiply(to_floats(sums[r][v]), x_scale), scale, tile[r][v]);
    }
    if constexpr (E::kHasMin) {
      Floats minus_min = E::minus_min(unit, column + v * kFloats);
      for (int64_t r = 0; r < rows; ++r)
        tile[r][v] = multiply_add(broadcast(x.sum[r]), minus_min, tile[r][v]);
    }
  }
}

// The sums of products with a block, or with half of it where halves have scales: number `part` of them.
template <typename E, int half, int64_t rows, int64_t vectors>
MAX_INLINE void sum_part(const uint8_t* blocks, int64_t column, const UnitActivations<rows>& x,
                         int64_t part, Words (&sums)[rows][vectors]) {
  constexpr int count = kSteps / E::kScales;
  for (int64_t r = 0; r < rows; ++r) {
    Words start = broadcast_word(0);
    if constexpr (E::kOffsetBits == 2)  // exact: a multiple of 32
      start = broadcast_word(static_cast<uint32_t>(static_cast<int32_t>(x.starts_of_sixes[part][r]) >> 3));
    if constexpr (E::kOffsetBits == 4) start = broadcast_word(x.starts_of_fives[part][r]);
    if constexpr (E::kOffsetBits == 5) start = broadcast_word(x.starts_of_sixes[part][r]);
    for (Words& sum : sums[r]) sum = start;
  }
  add_steps<E, half * count, count>(blocks + part / E::kScales * E::kBlock, column,
                                    x.steps + part * count, sums);
}

// Adds two sums of products, each times its scale: of two blocks, or of a block's two halves.
template <typename E, int64_t rows, int64_t vectors>
MAX_INLINE void add_pair(const uint8_t* blocks, int64_t column, const UnitActivations<rows>& x,
                         int64_t pair, const Words (&scales)[vectors], Words (&totals)[rows][vectors]) {
  if constexpr (kSumsShorts<E>) {
    for_steps(std::make_integer_sequence<int, 2>(), [&](auto n) MAX_INLINE_LAMBDA {
      constexpr int count = kSteps / E::kScales, half = E::kScales == 2 ? n : 0;
      int64_t part = 2 * pair + n;
      Words factors[vectors];
      for (int64_t v = 0; v < vectors; ++v) factors[v] = both_shorts<n == 0>(scales[v]);
      add_in_shorts<E, half * count, count>(blocks + part / E::kScales * E::kBlock, column,
                                            x.steps + part * count, factors, totals);
    });
    return;
  }
  Words first[rows][vectors], second[rows][vectors];
  sum_part<E, 0>(blocks, column, x, 2 * pair, first);
  sum_part<E, E::kScales - 1>(blocks, column, x, 2 * pair + 1, second);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < vectors; ++v)
      totals[r][v] = dot_shorts(totals[r][v], low_shorts(first[r][v], second[r][v]), scales[v]);
}

// Adds totals of a unit, scaled, and its minimums to sums [rows][kOutputs]: of a vector of outputs.
template <typename E, int64_t rows, int64_t vectors>
MAX_INLINE void add_totals(const uint8_t* unit, int64_t column, const UnitActivations<rows>& x,
                           const Words* scales, int64_t v, Words (&totals)[rows][vectors], float* sums) {
  Floats scale = E::scale(unit, column);
  Floats results[rows];
  constexpr int64_t pairs = kUnitPairs * E::kScales;
  // Sums of shorts began with nothing: what makes elements smaller follows.
  if constexpr (kSumsShorts<E> && !E::kHasMin)
    for (int64_t r = 0; r < rows; ++r) {
      Words more = broadcast_word(0);
      for (int64_t pair = 0; pair < pairs; ++pair)
        more = dot_shorts(more, broadcast_word(E::kScales == 1 ? x.pairs[pair][r] : x.half_pairs[pair][r]),
                          scales[pair]);
      totals[r][v] = subtract_words(totals[r][v], shift_left<E::kOffsetBits>(more));
    }
  if constexpr (E::kHasMin) {
    Words mins[pairs];
    E::load_mins(unit, column, mins);
    Floats minus_min = E::minus_min(unit, column);
    for (int64_t r = 0; r < rows; ++r) {
      Words min_sum = broadcast_word(0);
      for (int64_t pair = 0; pair < pairs; ++pair) {
        Words x_sums = broadcast_word(E::kScales == 1 ? x.pairs[pair][r] : x.half_pairs[pair][r]);
        min_sum = dot_shorts(min_sum, x_sums, mins[pair]);
        if constexpr (E::kOffsetBits > 0 && !kSumsShorts<E>)  // what the sums of products began with
          totals[r][v] = dot_shorts(totals[r][v], x_sums, shift_left<E::kOffsetBits>(scales[pair]));
      }
      results[r] = multiply(to_floats(totals[r][v]), scale);
      results[r] = multiply_add(to_floats(min_sum), minus_min, results[r]);
    }
  } else {
    for (int64_t r = 0; r < rows; ++r) results[r] = multiply(to_floats(totals[r][v]), scale);
  }
  for (int64_t r = 0; r < rows; ++r) {
    float* sum = sums + r * kOutputs;
    store_floats(sum, multiply_add(results[r], broadcast(x.scale[r]), load_floats(sum)));
  }
}

// Adds the products of a unit of eight blocks to sums [rows][kOutputs].
template <typename E, int64_t rows>
MAX_INLINE void add_unit(const uint8_t* unit, int64_t column, const UnitActivations<rows>& x,
                         const Ahead& ahead, float* sums) {
  constexpr int64_t vectors = kTileVectors<E, rows>, scales = kUnitBlocks * E::kScales;
  constexpr int64_t fetched = (E::kUnit / (scales / 2) + 63) / 64 * 64;
  Words pairs[vectors][scales / 2];
  for (int64_t v = 0; v < vectors; ++v)
    E::load_scales(unit, column + v * kFloats, pairs[v]);
  // Float sums of many rows stay in memory: kept in registers from unit to unit they are in the way.
  if constexpr (vectors == 1) asm volatile("" ::: "memory");
  Words totals[rows][vectors];
  for (auto& row : totals)
    for (Words& total : row) total = broadcast_word(0);
  for (int64_t pair = 0; pair < scales / 2; ++pair) {
    ahead.fetch(unit + pair * fetched, fetched);
    Words factors[vectors];
    for (int64_t v = 0; v < vectors; ++v) factors[v] = pairs[v][pair];
    add_pair<E>(unit + E::kHeader, column, x, pair, factors, totals);
  }
  for (int64_t v = 0; v < vectors; ++v)
    add_totals<E>(unit, column + v * kFloats, x, pairs[v], v, totals, sums + v * kFloats);
}

// Adds the products of `count` units of a panel to sums [rows][kOutputs].
template <typename E, int64_t rows>
void multiply_units(const uint8_t* units, const char* activations, int64_t count, const Ahead& ahead,
                    float* sums) {
  constexpr int64_t vectors = kTileVectors<E, rows>, passes = kOutputs / (vectors * kFloats);
  for (int64_t pass = 0; pass < passes; ++pass) {
    int64_t column = pass * vectors * kFloats;
    const uint8_t* unit = units;
    Ahead share = ahead.share(pass, passes);
    auto x = reinterpret_cast<const Activations<E::kRounded, rows>*>(activations);
    if constexpr (E::kRounded == kBlockElements) {
      Floats tile[rows][vectors];
      load_sums(sums + column, tile);
      for (int64_t i = 0; i < count; ++i, unit += E::kUnit) {
        share.fetch(unit, E::kUnit);
        for (int64_t sub = 0; sub < E::kSubs; ++sub, ++x) {
          add_part<E, 0>(unit, sub, column, *x, tile);
          if constexpr (E::kScales == 2) add_part<E, 1>(unit, sub, column, *x, tile);
        }
      }
      store_sums(tile, sums + column);
    } else {
      for (int64_t i = 0; i < count; ++i, unit += E::kUnit, ++x)
        add_unit<E>(unit, column, *x, share, sums + column);
    }
  }
}

// The same for a number of rows, at most kTileRows, that is known at run time only.
template <typename E, int... n>
void multiply_rows(std::integer_sequence<int, n...>, int64_t rows, const uint8_t* units,
                   const char* activations, int64_t count, const Ahead& ahead, float* sums) {
  using Multiply = void (*)(const uint8_t*, const char*, int64_t, const Ahead&, float*);
  static constexpr Multiply multiply[] = {multiply_units<E, n + 1>...};
  multiply[rows - 1](units, activations, count, ahead, sums);
}

}  // namespace max
