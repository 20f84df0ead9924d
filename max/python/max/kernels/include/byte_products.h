// How attention multiplies with a cache of bytes where the machine sums products of bytes (vpdpbusd).
//
// A query becomes bytes as a key is (cache_entries.h): a score is a sum of products of bytes, times the
// factors of both. A probability, times its value's factor, becomes a whole number below 2^14, times a
// factor of the row and tile: seven bits and seven bits, two products of bytes. Both sums are exact.

#pragma once

#include "bytes.h"
#include "cache_entries.h"
#include "few_rows.h"
#include "panel.h"
#include "scratch.h"
#include "transpose.h"

#if defined(__AVX512VNNI__)

namespace max {

template <typename Q>
class ByteProducts {
  static constexpr int64_t kBytes = 4;  // elements of a word: of a vector, or tokens of a column
  static constexpr int64_t kVectors = kPanel / kFloats;
  static constexpr int64_t kWords = kPanel / kBytes;
  static constexpr int64_t kParts = 2;
  // Of what comes next lines are fetched while keys are turned (8 words of 16 at a time), while values are put
  // side by side and while queries are multiplied: about a third each.
  static constexpr int64_t kLinesPerBlock = 6, kLinesPerGroup = 3;
  static constexpr int64_t kPartBits = 7, kMostWeight = (1 << 2 * kPartBits) - 1;

 public:
  using Element = float;
  static constexpr int64_t kMostRows = kPanelRows;

  ByteProducts(int64_t dim, int64_t most_rows, int64_t most_heads)
      : dim_(dim),
        words_(dim / kBytes),
        panels_((dim + kPanel - 1) / kPanel),
        most_rows_(most_rows),
        queries_(most_heads * most_rows * words_),
        query_factors_(most_heads * most_rows),
        starts_(most_heads * most_rows),
        query_(dim),
        codes_(dim),
        keys_(words_ * kPanel),
        values_(panels_ * kWords * kPanel),
        factors_(2 * kPanel) {}

  // Begins rows of each KV head. Returns how many are multiplied at a time.
  int64_t begin(int64_t rows) {
    int64_t blocks = (rows + kMostRows - 1) / kMostRows;
    rows_ = rows;
    return block_rows_ = (rows + blocks - 1) / blocks;
  }
  bool reads_in_place() const { return false; }

  // queries_ [heads][blocks of block_rows_ rows][words][rows of the block]
  void read_query(int64_t head, int64_t row, const Q* from) {
    for (int64_t i = 0; i < dim_; ++i) query_.data()[i] = load(from[i]);
    query_factors_.data()[head * most_rows_ + row] = encode(query_.data(), dim_, codes_.data());
    int32_t sum = 0;
    for (int64_t i = 0; i < dim_; ++i) sum += codes_.data()[i];
    starts_.data()[head * most_rows_ + row] = -kOffset * sum;
    int64_t begin = row / block_rows_ * block_rows_, n = std::min(block_rows_, rows_ - begin);
    uint32_t* to = queries_of(head, begin) + row - begin;
    for (int64_t g = 0; g < words_; ++g) to[g * n] = load_word(codes_.data() + g * kBytes);
  }

  // Puts a tile in order in memory: keys_ [words][kPanel] of unsigned bytes, values_ [panels][words of
  // tokens][kPanel columns, in the order that `columns_of` knows].
  void begin_tile(const CachedTokens<int8_t>& keys, const CachedTokens<int8_t>& values,
                  NextTokens& next) {
    count_ = keys.count;
    for (int64_t t = 0; t < keys.count; t += kFloats) {
      read_keys(keys.tokens + t, keys.first, keys_.data() + t, next);
    }
    for (int64_t t = 0; t < keys.count; t += kBytes) {
      for (int64_t panel = 0; panel < panels_; ++panel) {
        next.fetch(kLinesPerGroup);
        read_values(values.tokens + t, values.first, panel * kPanel,
                    values_.data() + (panel * kWords + t / kBytes) * kPanel);
      }
    }
    for (int64_t t = 0; t < kPanel; ++t) {
      factors_.data()[t] = factor_of(keys.tokens[t] + keys.first, dim_);
      factors_.data()[kPanel + t] = factor_of(values.tokens[t] + values.first, dim_);
    }
  }

  // Sets scores [n][kPanel] of the block of rows that begins at `row`.
  void score(int64_t n, int64_t head, int64_t row, float* scores,
             NextTokens& next) const {
    with_rows(n, [&](auto rows) MAX_INLINE_LAMBDA {
      if constexpr (rows <= kMostRows)
        rows_ <= kFewRows ? score_rows<rows, true>(head, row, scores, next)
                          : score_rows<rows, false>(head, row, scores, next);
    });
  }

  // Adds the products of probabilities [n][kPanel] with the values to sums [panels][n][kPanel], panels being
  // `stride` apart.
  void add(int64_t n, const float* probabilities, float* sums, int64_t stride,
           NextTokens&) const {
    alignas(kScratchAlignment) uint8_t weights[kMostRows * kParts * kPanel];
    float factors[kMostRows];
    for (int64_t r = 0; r < n; ++r)
      factors[r] = weigh(probabilities + r * kPanel, weights + r * kParts * kPanel);
    with_rows(n, [&](auto rows) MAX_INLINE_LAMBDA {
      if constexpr (rows <= kMostRows)
        for (int64_t panel = 0; panel < panels_; ++panel)
          add_rows<rows>(values_.data() + panel * kWords * kPanel, weights, factors, sums + panel * stride);
    });
  }

 private:
  static constexpr int32_t kOffset = 128;  // of keys as unsigned bytes

  uint32_t* queries_of(int64_t head, int64_t row) const {
    return queries_.data() + (head * most_rows_ + row) * words_;
  }

  // Word g of 16 keys to to[g * kPanel ..].
  void read_keys(const int8_t* const* keys, int64_t first, uint32_t* to, NextTokens& next) const {
    int64_t g = 0;
    for (; g + kHalf <= words_; g += kHalf) {
      next.fetch(kLinesPerBlock);
      Words columns[kHalf];
      transpose_half(keys, first / kBytes + g, columns);
#pragma GCC unroll 8
      for (int64_t j = 0; j < kHalf; ++j)
        _mm512_store_si512(to + (g + j) * kPanel, _mm512_xor_si512(columns[j], bytes(kOffset)));
    }
    for (; g < words_; ++g)
      for (int64_t t = 0; t < kFloats; ++t)
        to[g * kPanel + t] = load_word(keys[t] + first + g * kBytes) ^ 0x80808080u;
  }

  // The bytes of four tokens side by side, for the columns from one on. Quarter l of vector v has the
  // columns 16 * l + 4 * v + 0 .. 3; columns that are not there are zero.
  void read_values(const int8_t* const* tokens, int64_t first, int64_t column, uint32_t* to) const {
    __mmask64 there = dim_ - column >= kPanel ? ~0ull : (1ull << (dim_ - column)) - 1;
    auto at = [&](int64_t t) { return _mm512_maskz_loadu_epi8(there, tokens[t] + first + column); };
    Words a = at(0), b = at(1), c = at(2), d = at(3);
    Words ab = _mm512_unpacklo_epi8(a, b), ab_high = _mm512_unpackhi_epi8(a, b);
    Words cd = _mm512_unpacklo_epi8(c, d), cd_high = _mm512_unpackhi_epi8(c, d);
    _mm512_store_si512(to, _mm512_unpacklo_epi16(ab, cd));
    _mm512_store_si512(to + kFloats, _mm512_unpackhi_epi16(ab, cd));
    _mm512_store_si512(to + 2 * kFloats, _mm512_unpacklo_epi16(ab_high, cd_high));
    _mm512_store_si512(to + 3 * kFloats, _mm512_unpackhi_epi16(ab_high, cd_high));
  }

  // What comes next is fetched where rows are few: for many there is time, and no register left.
  template <int64_t rows, bool fetches>
  void score_rows(int64_t head, int64_t row, float* scores, NextTokens& next) const {
    const uint32_t* query = queries_of(head, row);
    const float* query_factors = query_factors_.data() + head * most_rows_ + row;
    Words sums[rows][kVectors];
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t v = 0; v < kVectors; ++v)
        sums[r][v] = broadcast_word(starts_.data()[head * most_rows_ + row + r]);
    const uint32_t* keys = keys_.data();
    for (int64_t g = 0; g < words_; ++g, keys += kPanel, query += rows) {
      Words w[kVectors];
      for (int64_t v = 0; v < kVectors; ++v) w[v] = load_words(keys + v * kFloats);
      for (int64_t r = 0; r < rows; ++r) {
        Words x = broadcast_word(query[r]);
        for (int64_t v = 0; v < kVectors; ++v) sums[r][v] = dot_bytes<8>(sums[r][v], w[v], x);
      }
      if constexpr (fetches) next.fetch(kLinesPerGroup);
    }
    for (int64_t v = 0; v < kVectors; ++v) {
      Floats factors = load_floats(factors_.data() + v * kFloats);
      for (int64_t r = 0; r < rows; ++r)
        store_floats(scores + r * kPanel + v * kFloats,
                     multiply(to_floats(sums[r][v]), multiply(factors, broadcast(query_factors[r]))));
    }
  }

  // Sets bytes [kParts][kPanel], the high bits first, to probabilities times their values' factors. Returns
  // what they have to be multiplied with.
  float weigh(const float* probabilities, uint8_t* to) const {
    Floats weights[kVectors];
    Words most = (Words)zeros();
    for (int64_t v = 0; v < kVectors; ++v) {
      weights[v] = multiply(load_floats(probabilities + v * kFloats),
                            load_floats(factors_.data() + kPanel + v * kFloats));
      most = larger_word(most, (Words)weights[v]);  // none is negative, and what is no number is the largest
    }
    uint32_t bits = _mm512_reduce_max_epu32(most);
    float largest;
    std::memcpy(&largest, &bits, sizeof largest);
    Floats scale = broadcast(bits == 0 ? 0.0f : kMostWeight / largest);
    for (int64_t v = 0; v < kVectors; ++v) {
      Words whole = _mm512_cvtps_epi32(multiply(weights[v], scale));
      store_low_bytes(reinterpret_cast<int8_t*>(to + v * kFloats), shift_right<kPartBits>(whole));
      store_low_bytes(reinterpret_cast<int8_t*>(to + kPanel + v * kFloats),
                      _mm512_and_si512(whole, broadcast_word((1 << kPartBits) - 1)));
    }
    return largest / kMostWeight;
  }

  template <int64_t rows>
  void add_rows(const uint32_t* values, const uint8_t* weights, const float* factors, float* sums) const {
    Words found[rows][kVectors];
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t v = 0; v < kVectors; ++v) found[r][v] = (Words)zeros();
    for (int64_t part = 0; part < kParts; ++part) {
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t v = 0; v < kVectors; ++v) found[r][v] = shift_left<kPartBits>(found[r][v]);
      const uint8_t* weight = weights + part * kPanel;
      for (int64_t t = 0; t < count_; t += kBytes, weight += kBytes) {
        Words x[kVectors];
        for (int64_t v = 0; v < kVectors; ++v) x[v] = load_words(values + t / kBytes * kPanel + v * kFloats);
        for (int64_t r = 0; r < rows; ++r) {
          Words w = broadcast_word(load_word(weight + r * kParts * kPanel));
          for (int64_t v = 0; v < kVectors; ++v) found[r][v] = dot_bytes<kPartBits>(found[r][v], w, x[v]);
        }
      }
    }
    for (int64_t r = 0; r < rows; ++r) add_columns(found[r], factors[r], sums + r * kPanel);
  }

  // Adds sums in the order of `read_values` to those of columns in sequence: turns the square of quarters.
  static MAX_INLINE void add_columns(const Words* x, float factor, float* sums) {
    Words a = _mm512_shuffle_i32x4(x[0], x[1], 0x44), b = _mm512_shuffle_i32x4(x[0], x[1], 0xee);
    Words c = _mm512_shuffle_i32x4(x[2], x[3], 0x44), d = _mm512_shuffle_i32x4(x[2], x[3], 0xee);
    Words columns[kVectors] = {_mm512_shuffle_i32x4(a, c, 0x88), _mm512_shuffle_i32x4(a, c, 0xdd),
                               _mm512_shuffle_i32x4(b, d, 0x88), _mm512_shuffle_i32x4(b, d, 0xdd)};
    for (int64_t v = 0; v < kVectors; ++v)
      store_floats(sums + v * kFloats, multiply_add(to_floats(columns[v]), broadcast(factor),
                                                    load_floats(sums + v * kFloats)));
  }

  int64_t dim_, words_, panels_, most_rows_;
  int64_t rows_ = 0, block_rows_ = 0, count_ = 0;
  Scratch<uint32_t> queries_;
  Scratch<float> query_factors_;
  Scratch<int32_t> starts_;  // what makes up for unsigned keys
  Scratch<float> query_;
  Scratch<int8_t> codes_;
  Scratch<uint32_t> keys_, values_;
  Scratch<float> factors_;  // of the tile's keys, then of its values
};

}  // namespace max

#endif
