// How attention multiplies queries with the keys of a tile, and probabilities with its values, element by
// element. A cache of bytes is decoded to floats.

#pragma once

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "decoded_tiles.h"
#include "few_rows.h"
#include "panel.h"
#include "scratch.h"
#include "transpose.h"

namespace max {

// A bfloat16 cache is multiplied in pairs: where the machine has that, with queries rounded to it.
template <typename KV>
using GroupsOf = std::conditional_t<std::is_same_v<KV, bfloat16>, Bfloat16Groups, Float32Groups>;

template <typename Q, typename KV>
class ElementProducts {
  using Groups = GroupsOf<KV>;
  static constexpr bool kIsDecoded = std::is_same_v<KV, int8_t>;
  static constexpr int64_t kPer = Groups::kElements;  // elements of a group

 public:
  using Element = typename Groups::Element;  // of probabilities
  static constexpr int64_t kMostRows = std::max(kPanelRows, kFewRows);  // of a block

  // most_rows: of one KV head; most_heads: KV heads.
  ElementProducts(int64_t dim, int64_t most_rows, int64_t most_heads)
      : dim_(dim),
        groups_((dim + kPer - 1) / kPer),
        panels_((dim + kPanel - 1) / kPanel),
        most_rows_(most_rows),
        queries_(most_heads * most_rows * groups_ * kPer),
        keys_(groups_ * kPanel),
        values_(panels_ * kPanel / kPer * kPanel) {
    if (dim_ % kPanel) std::fill_n(values_.data(), panels_ * kPanel / kPer * kPanel, 0u);
  }

  // Begins rows of each KV head. Returns how many are multiplied at a time.
  int64_t begin(int64_t rows) {
    rows_ = rows;
    in_place_ = can_read_in_place();
    return block_rows_ = in_place_ ? kFewRows : kPanelRows;
  }
  bool reads_in_place() const { return in_place_; }

  // queries_ [heads][blocks of block_rows_ rows][groups][rows of the block]; the last group is filled up.
  void read_query(int64_t head, int64_t row, const Q* from) {
    int64_t begin = row / block_rows_ * block_rows_, n = std::min(block_rows_, rows_ - begin);
    Element* to = queries_of(head, begin) + (row - begin) * kPer;
    int64_t g = 0;
    if constexpr (std::is_same_v<Q, Element>)
      for (; g < dim_ / kPer; ++g, to += n * kPer) std::memcpy(to, from + g * kPer, kRowBytes);
    for (; g < groups_; ++g, to += n * kPer)
      for (int64_t i = 0; i < kPer; ++i)
        to[i] = g * kPer + i < dim_ ? converted<Element>(from[g * kPer + i]) : Element{};
  }

  // For one block of rows a tile is put in order in registers, for more in memory, once.
  void begin_tile(const CachedTokens<KV>& keys, const CachedTokens<KV>& values, NextTokens& next) {
    tile_keys_ = keys;
    tile_values_ = values;
    if (in_place_) return;
    if constexpr (kIsDecoded) {
      next.fetch(lines_of(2 * kPanel));
      decode_keys(keys, dim_, reinterpret_cast<float*>(keys_.data()));
      decode_values(values, dim_, reinterpret_cast<float*>(values_.data()));
    } else {
      read_keys(next);
      read_values(next);
    }
  }

  // Sets scores [n][kPanel] of the block of rows that begins at `row`.
  void score(int64_t n, int64_t head, int64_t row, float* scores, NextTokens& next) const {
    in_place_ ? score_in_place(n, head, scores, next)
              : multiply_panel<Groups, kRowBytes>(n, reinterpret_cast<const char*>(keys_.data()),
                                                  reinterpret_cast<const char*>(queries_of(head, row)),
                                                  n * kRowBytes, groups_, scores, true);
  }

  // Adds the products of probabilities [n][kPanel] with the values to sums [panels][n][kPanel], panels being
  // `stride` apart.
  void add(int64_t n, const Element* probabilities, float* sums, int64_t stride,
           NextTokens& next) const {
    if (in_place_) return add_in_place(n, probabilities, sums, stride, next);
    for (int64_t panel = 0; panel < panels_; ++panel)
      multiply_panel<Groups, kPanel * sizeof(Element)>(
          n, reinterpret_cast<const char*>(values_.data() + panel * kPanel / kPer * kPanel),
          reinterpret_cast<const char*>(probabilities), kRowBytes,
          (tile_values_.count + kPer - 1) / kPer, sums + panel * stride, false);
  }

 private:
  static constexpr int64_t kRowBytes = kPer * sizeof(Element);

  Element* queries_of(int64_t head, int64_t row) const {
    return queries_.data() + (head * most_rows_ + row) * groups_ * kPer;
  }

#if defined(__AVX512F__)
  bool can_read_in_place() const { return !kIsDecoded && rows_ <= kFewRows && dim_ % kPanel == 0; }

  void score_in_place(int64_t n, int64_t head, float* scores, NextTokens& next) const {
    const char* queries = reinterpret_cast<const char*>(queries_of(head, 0));
    if constexpr (!kIsDecoded)
      with_rows(n, [&](auto rows) MAX_INLINE_LAMBDA {
        multiply_keys<Groups, decltype(rows)::value>(tile_keys_, dim_, queries, scores, next);
      });
  }

  void add_in_place(int64_t n, const Element* probabilities, float* sums, int64_t stride,
                    NextTokens& next) const {
    if constexpr (!kIsDecoded)
      with_rows(n, [&](auto rows) MAX_INLINE_LAMBDA {
        for (int64_t panel = 0; panel < panels_; ++panel)
          multiply_values<Groups, decltype(rows)::value>(tile_values_, panel * kPanel, probabilities,
                                                         sums + panel * stride, next);
      });
  }
#else
  bool can_read_in_place() const { return false; }
  void score_in_place(int64_t, int64_t, float*, NextTokens&) const {}
  void add_in_place(int64_t, const Element*, float*, int64_t, NextTokens&) const {}
#endif

  // keys_ [groups][kPanel]; keys that are not there are any.
  void read_keys(NextTokens& next) {
    int64_t turned = dim_ % kPer ? 0 : groups_ / kTransposed * kTransposed;
    for (int64_t t = 0; t < tile_keys_.count; t += kTransposed) {
      next.fetch(lines_of(kTransposed));
      for (int64_t g = 0; g < turned; g += kTransposed)
        transpose_words(tile_keys_.tokens + t, tile_keys_.first / kPer + g, keys_.data() + g * kPanel + t,
                        kPanel);
      KV* to = reinterpret_cast<KV*>(keys_.data()) + t * kPer;
      for (int64_t i = 0; i < kTransposed; ++i)
        for (int64_t c = turned * kPer; c < groups_ * kPer; ++c)
          to[c / kPer * kPanel * kPer + i * kPer + c % kPer] =
              c < dim_ ? tile_keys_.tokens[t + i][tile_keys_.first + c] : KV{};
    }
  }

  // values_ [panels of head_dim][kPanel / kPer][kPanel] groups; columns that are not there stay zero.
  void read_values(NextTokens& next) {
    for (int64_t t = 0; t < tile_values_.count; t += kPer) {
      next.fetch(lines_of(kPer));
      for (int64_t column = 0; column < dim_; column += kPanel) {
        KV* to = reinterpret_cast<KV*>(values_.data() + column * kPanel / kPer) + t * kPanel;
        const KV* from[kPer];
        for (int64_t i = 0; i < kPer; ++i)
          from[i] = tile_values_.tokens[t + i] + tile_values_.first + column;
        int64_t width = dim_ - column;
        width >= kPanel ? interleave<kPanel>(from, width, to) : interleave<0>(from, width, to);
      }
    }
  }

  // columns: of `width`; 0 for all.
  template <int64_t columns>
  static void interleave(const KV* const* from, int64_t width, KV* __restrict to) {
    const KV* __restrict even = from[0];
    const KV* __restrict odd = from[kPer - 1];
    for (int64_t i = 0; i < (columns ? columns : width); ++i) {
      to[i * kPer] = even[i];
      if (kPer == 2) to[i * kPer + 1] = odd[i];
    }
  }

  // Cache lines of some tokens' keys, or values.
  int64_t lines_of(int64_t tokens) const {
    return tokens * dim_ * static_cast<int64_t>(sizeof(KV)) / NextTokens::kLine;
  }

  int64_t dim_, groups_, panels_, most_rows_;
  int64_t rows_ = 0, block_rows_ = 0;
  bool in_place_ = false;
  CachedTokens<KV> tile_keys_{}, tile_values_{};
  Scratch<Element> queries_;
  Scratch<uint32_t> keys_, values_;
};

}  // namespace max
