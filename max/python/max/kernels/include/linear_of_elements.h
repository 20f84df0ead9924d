// x @ weight.T + bias of elements, with the weight in panels (packed_linear.h).
//
// An output is one sum in one order, whatever the number of rows and threads: groups in sequence within
// a block of kBlock groups, then the blocks in sequence. So a row's bits do not depend on its batch.
//
//             64 outputs                      Rows are taken 6 at a time, in registers:
//          +------------+                     a tile is 6 x kVectors sums, to which each group
//   x      |   panel    |  kBlock groups      adds the product of kVectors vectors of weights and one
//  rows    | (streamed) |  stay in cache      broadcast activation per row.
//          +------------+  for all rows

#pragma once

#include <type_traits>

#include "packed_linear.h"
#include "row_blocks.h"
#include "transpose.h"

namespace max {

constexpr int64_t kPanelVectors = kPanel / kFloats;
// 128 KiB of a panel: with the activations it stays in a core's second cache.
constexpr int64_t kBlock = 512;
// Rows whose sums a thread keeps beside them.
constexpr int64_t kRowsOfElements = 32 * kPanelRows;
// Waking other threads costs about as much as this many steps of a vector: 640 KiB of weights with
// AVX-512, some 12 us.
constexpr int64_t kStepsWorthThreads = 10240;

// Of activations and results of type Element.
template <typename Groups, typename Element>
class LinearOfElements {
  using Arranged = typename Groups::Element;
  static constexpr int64_t kPerGroup = Groups::kElements;
  static constexpr int64_t kActivationBytes = kPerGroup * sizeof(Arranged);

 public:
  explicit LinearOfElements(const PackedLinearArgs& args)
      : args_(args), groups_(groups_of(element_type(args.weights[0].encoding), args.in_features)), blocks_{args.rows} {}

  void run(Pool* pool) {
    int64_t panels = 0;
    for (int64_t i = 0; i < args_.num_weights; ++i) panels += panels_of<kPanel>(args_.weights[i]);
    if (args_.rows == 0) return;
    int64_t work = panels * groups_ * (args_.rows + kPanelRows - 1) * kPanelVectors / kPanelRows;
    if (work < kStepsWorthThreads) pool = nullptr;
    arrange_activations(args_.rows > kPanelRows ? pool : nullptr);
    parallel_for(pool, items(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t item = begin; item < end; ++item) multiply_item(item);
    });
  }

  // For several products at once: `prepare` each, then do all items of each, in any order.
  void prepare() { arrange_activations(nullptr); }
  int64_t items() const { return shared_out().count(); }
  void multiply_item(int64_t item) {
    shared_out().call(item, [&](const PackedWeight& weight, int64_t panel, int64_t first, int64_t last) {
      multiply(weight, panel, first, last);
    });
  }

 private:
  PanelItems<kPanel> shared_out() const {
    return {args_.weights, args_.num_weights, blocks_, kRowsOfElements};
  }

  // One contiguous row of whole groups is read where it lies.
  bool is_arranged() const {
    return std::is_same_v<Element, Arranged> && args_.rows == 1 && args_.in_features % kPerGroup == 0;
  }

  const char* activations() const {
    return static_cast<const char*>(is_arranged() ? args_.x : args_.workspace);
  }

  // Writes blocks of rows to the workspace as [groups][rows of the block], the last group filled up.
  void arrange_activations(Pool* pool) {
    if (is_arranged()) return;
    parallel_for(pool, blocks_.count, 4, [&](int64_t first, int64_t last) {
      for (int64_t block = first; block < last; ++block) arrange_block(block);
    });
  }

  // Group by group, so that what is written is one stream.
  void arrange_block(int64_t block) {
    int64_t begin = blocks_.begin(block), rows = blocks_.begin(block + 1) - begin;
    const Element* from[kPanelRows];
    for (int64_t r = 0; r < rows; ++r)
      from[r] = static_cast<const Element*>(args_.x) + (begin + r) * args_.x_stride;
    Arranged* to = static_cast<Arranged*>(args_.workspace) + begin * groups_ * kPerGroup;
    int64_t whole = args_.in_features / kPerGroup * kPerGroup;
    for (int64_t k = 0; k < whole; k += kPerGroup)
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t i = 0; i < kPerGroup; ++i) *to++ = converted<Arranged>(from[r][k + i]);
    for (int64_t r = 0; whole < args_.in_features && r < rows; ++r)
      for (int64_t k = whole; k < whole + kPerGroup; ++k)
        *to++ = k < args_.in_features ? converted<Arranged>(from[r][k]) : Arranged{};
  }

  // Blocks of rows [first, last) times one panel.
  void multiply(const PackedWeight& weight, int64_t panel, int64_t first, int64_t last) {
    alignas(64) float sums[kRowsOfElements * kPanel];
    const char* packed =
        static_cast<const char*>(weight.packed) + panel * groups_ * kPanel * kGroupBytes;
    int64_t top = blocks_.begin(first);
    for (int64_t g = 0; g == 0 || g < groups_; g += kBlock)
      for (int64_t block = first; block < last; ++block) {
        int64_t begin = blocks_.begin(block), rows = blocks_.begin(block + 1) - begin;
        const char* x = activations() + (begin * groups_ + g * rows) * kActivationBytes;
        Ahead ahead{last - first > 1 ? kBlock * kPanel * kGroupBytes : 0, block - first, last - first};
        multiply_panel<Groups, kActivationBytes>(rows, packed + g * kPanel * kGroupBytes, x,
                                                 rows * kActivationBytes, std::min(kBlock, groups_ - g),
                                                 sums + (begin - top) * kPanel, g == 0, ahead);
      }
    write_sums<kPanel, Element>(weight, panel, top, blocks_.begin(last), sums);
  }

  const PackedLinearArgs& args_;
  int64_t groups_;
  RowBlocks blocks_;
};

// kTransposed rows from `rows` on, as many groups from `first` on.
template <typename Element>
void pack_block(const Element* rows, int64_t stride, int64_t first, Element* to) {
  const Element* block[kTransposed];
  for (int64_t r = 0; r < kTransposed; ++r) block[r] = rows + r * stride;
  uint32_t* words = reinterpret_cast<uint32_t*>(to);
  transpose_words(block, first, words + first * kPanel, kPanel);
}

// Rows [r, last_row) and groups [g, last) of a panel, where a block does not fit.
template <typename Element>
void pack_edge(const Element* rows, int64_t stride, int64_t columns, int64_t r, int64_t last_row,
               int64_t g, int64_t last, Element* to) {
  constexpr int64_t per_group = kGroupBytes / sizeof(Element);
  for (; r < last_row; ++r)
    for (int64_t k = g * per_group; k < last * per_group; ++k)
      to[(k / per_group * kPanel + r) * per_group + k % per_group] =
          k < columns ? rows[r * stride + k] : Element{};
}

template <typename Element>
void pack_elements(const PackArgs& args, Pool* pool) {
  constexpr int64_t per_group = kGroupBytes / sizeof(Element);
  int64_t columns = args.in_features, stride = args.row_bytes / sizeof(Element);
  int64_t groups = groups_of(element_type(args.encoding), columns);
  int64_t panels = groups == 0 ? 0 : (args.out_features + kPanel - 1) / kPanel;
  parallel_for(pool, panels, 1, [&](int64_t first, int64_t last) {
    for (int64_t panel = first; panel < last; ++panel) {
      const Element* rows = static_cast<const Element*>(args.rows) + panel * kPanel * stride;
      Element* to = static_cast<Element*>(args.packed) + panel * groups * kPanel * per_group;
      int64_t count = std::min(kPanel, args.out_features - panel * kPanel);
      std::memset(to, 0, count == kPanel ? 0 : groups * kPanel * kGroupBytes);
      for (int64_t g = 0; g < groups; g += kTransposed)
        for (int64_t r = 0; r < count; r += kTransposed)
          if (r + kTransposed <= count && (g + kTransposed) * per_group <= columns)
            pack_block(rows + r * stride, stride, g, to + r * per_group);
          else
            pack_edge(rows, stride, columns, r, std::min(r + kTransposed, count), g,
                      std::min(g + kTransposed, groups), to);
    }
  });
}

}  // namespace max
