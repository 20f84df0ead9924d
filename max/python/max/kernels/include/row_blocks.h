// How the rows and panels of a product are shared out, and its sums written: for all packed weights.

#pragma once

#include <algorithm>

#include "elements.h"
#include "packed_linear.h"
#include "panel.h"
#include "pool.h"

namespace max {

// Shares `rows` out into the fewest blocks of at most `most`, of nearly equal size.
struct RowBlocks {
  int64_t rows;
  int64_t most = kPanelRows;
  int64_t count = (rows + most - 1) / most;
  int64_t begin(int64_t block) const { return rows * block / count; }
};

template <int64_t width>
int64_t panels_of(const PackedWeight& weight) {
  return (weight.out_features + width - 1) / width;
}

// Panels that are multiplied with one part of the rows after another: the weights of a group stay in the third
// cache, and the activations of a part in it or the second.
constexpr int64_t kPanelGroup = 32;

// A product as work to share out: every panel of `width` outputs of every weight, times parts of the
// blocks of rows, of no more than item_rows rows together. Of a group of panels, the first part comes with all
// panels, then the next part.
template <int64_t width>
struct PanelItems {
  const PackedWeight* weights;
  int64_t num_weights;
  RowBlocks blocks;
  int64_t item_rows;
  int64_t parts = (blocks.count * blocks.most + item_rows - 1) / item_rows;

  int64_t count() const { return panels() * parts; }

  // Calls f(weight, panel, first, last) of one item: blocks [first, last).
  template <typename F>
  void call(int64_t item, const F& f) const {
    int64_t top = item / (kPanelGroup * parts) * kPanelGroup, group = std::min(kPanelGroup, panels() - top);
    int64_t at = item - top * parts, panel = top + at % group, part = at / group;
    const PackedWeight* weight = weights;
    for (; panel >= panels_of<width>(*weight); ++weight) panel -= panels_of<width>(*weight);
    f(*weight, panel, blocks.count * part / parts, blocks.count * (part + 1) / parts);
  }

 private:
  int64_t panels() const {
    int64_t panels = 0;
    for (int64_t i = 0; i < num_weights; ++i) panels += panels_of<width>(weights[i]);
    return panels;
  }
};

// Writes sums [rows begin .. end][width] of a panel, with the bias.
template <int64_t width, typename Element>
void write_sums(const PackedWeight& weight, int64_t panel, int64_t begin, int64_t end,
                const float* sums) {
  int64_t column = panel * width, count = std::min(width, weight.out_features - column);
  const Element* bias = static_cast<const Element*>(weight.bias);
  for (int64_t row = begin; row < end; ++row, sums += width) {
    Element* out = static_cast<Element*>(weight.out) + row * weight.out_stride + column;
    if (bias == nullptr)
      for (int64_t i = 0; i < count; ++i) store(sums[i], &out[i]);
    else
      for (int64_t i = 0; i < count; ++i) store(sums[i] + load(bias[column + i]), &out[i]);
  }
}

}  // namespace max
