// The product of a few rows with a panel: the one inner loop of matrix products and attention.

#pragma once

#include "ahead.h"
#include "simd.h"

namespace max {

// Columns of a panel; panel [groups][kPanel], a group being four bytes (see simd.h).
constexpr int64_t kPanel = 64;
constexpr int64_t kPanelRows = 6;
constexpr int64_t kGroupBytes = 4;

// Vectors of a tile of some rows: as many sums as there are registers for.
template <int64_t rows>
constexpr int64_t tile_vectors() {
#if defined(__AVX512F__)
  return kPanel / kFloats;
#elif defined(__ARM_NEON)  // 32 registers
  return rows <= 3 ? 8 : 4;
#else
  return rows == 1 ? 8 : rows <= 3 ? 4 : 2;
#endif
}

// Adds the products of one element of a group.
template <typename Groups, int part, int64_t row_stride, int64_t rows, int64_t vectors>
MAX_INLINE void add_element(const char* weights, const char* x, Floats (&tile)[rows][vectors]) {
  Floats w[vectors];
  for (int64_t v = 0; v < vectors; ++v)
    w[v] = Groups::template part_of_weights<part>(weights + v * kFloats * kGroupBytes);
  for (int64_t r = 0; r < rows; ++r) {
    Floats a = Groups::template part_of_activation<part>(x + r * row_stride);
    for (int64_t v = 0; v < vectors; ++v) tile[r][v] = multiply_add(w[v], a, tile[r][v]);
  }
}

// Sets, or adds to, sums [rows][kPanel] the products of `groups` groups, summed in sequence.
// Group g of row r lies at x + g * group_stride + r * row_stride (bytes).
template <typename Groups, int64_t row_stride, int64_t rows>
void multiply_panel(const char* panel, const char* x, int64_t group_stride, int64_t groups,
                    float* sums, bool is_first, const Ahead& ahead) {
  constexpr int64_t vectors = tile_vectors<rows>();
  for (int64_t column = 0; column < kPanel; column += vectors * kFloats) {
    Floats tile[rows][vectors];
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t v = 0; v < vectors; ++v) tile[r][v] = zeros();
    const char* weights = panel + column * kGroupBytes;
    const char* group = x;
    for (int64_t g = 0; g < groups; ++g) {
      if (column == 0) ahead.fetch(weights, kPanel * kGroupBytes);
      if constexpr (Groups::kParts == 2) {
        add_element<Groups, 0, row_stride>(weights, group, tile);
        add_element<Groups, 1, row_stride>(weights, group, tile);
      } else {
        typename Groups::Weights w[vectors];
        for (int64_t v = 0; v < vectors; ++v) w[v] = Groups::weights(weights + v * kFloats * kGroupBytes);
        for (int64_t r = 0; r < rows; ++r) {
          typename Groups::Activation a = Groups::activation(group + r * row_stride);
          for (int64_t v = 0; v < vectors; ++v) tile[r][v] = Groups::dot(tile[r][v], w[v], a);
        }
      }
      weights += kPanel * kGroupBytes;
      group += group_stride;
    }
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t v = 0; v < vectors; ++v) {
        float* sum = sums + r * kPanel + column + v * kFloats;
        store_floats(sum, is_first ? tile[r][v] : add(load_floats(sum), tile[r][v]));
      }
  }
}

// The same for a number of rows, at most kPanelRows, that is known at run time only.
template <typename Groups, int64_t row_stride>
void multiply_panel(int64_t rows, const char* panel, const char* x, int64_t group_stride,
                    int64_t groups, float* sums, bool is_first, const Ahead& ahead = {}) {
  static_assert(kPanelRows == 6);
  auto multiply = multiply_panel<Groups, row_stride, 6>;
  switch (rows) {
    case 1: multiply = multiply_panel<Groups, row_stride, 1>; break;
    case 2: multiply = multiply_panel<Groups, row_stride, 2>; break;
    case 3: multiply = multiply_panel<Groups, row_stride, 3>; break;
    case 4: multiply = multiply_panel<Groups, row_stride, 4>; break;
    case 5: multiply = multiply_panel<Groups, row_stride, 5>; break;
  }
  multiply(panel, x, group_stride, groups, sums, is_first, ahead);
}

}  // namespace max
