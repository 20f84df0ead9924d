// Arguments of `max::packed_linear`, of packing its weights, and of `max::packed_embedding`.
//
// A weight [out_features, in_features] is packed into panels of 64 outputs:
//
//   packed [panels][groups][64]    a group is four bytes of one output's row: a float, or two bfloat16
//
// so that a vector holds the same group of several outputs (there are no sums across lanes), and one
// panel is read as one sequential stream. Outputs and elements that are not there are zero.

#pragma once

#include "elements.h"
#include "panel.h"

namespace max {

// Groups of a row of weights of a type.
inline int64_t groups_of(ElementType type, int64_t in_features) {
  return type == kFloat32 ? in_features : (in_features + 1) / 2;
}

// One weight that is multiplied: out = x @ weight.T + bias.
struct PackedWeight {
  const void* packed;
  const void* bias;  // [out_features] of the element type, or null
  void* out;         // [rows, out_features] of the element type
  int64_t out_features;
  int64_t out_stride;  // elements from one row of `out` to the next
};

struct PackedLinearArgs {
  const void* x;  // [rows, in_features]
  int64_t rows;
  int64_t in_features;
  int64_t x_stride;  // elements from one row of `x` to the next
  const PackedWeight* weights;
  int64_t num_weights;
  // rows * groups * 4 bytes; for weights of 16 bits and other activations, rows * groups * 8
  void* workspace;
  ElementType type;         // of x, biases and results
  ElementType weight_type;  // of all weights; `type`, or one of 16 bits
};

struct PackRowsArgs {
  const void* rows;  // [out_features, in_features]
  int64_t out_features;
  int64_t in_features;
  int64_t row_stride;  // elements
  void* packed;
  ElementType type;
};

// Rows of a packed weight [rows, columns] by number: an embedding.
struct PackedEmbeddingArgs {
  const void* packed;
  int64_t rows;
  int64_t columns;
  const int64_t* indices;  // those outside [-rows, rows) give NaN
  int64_t count;
  void* out;  // [count, columns]
  ElementType type;
};

}  // namespace max
