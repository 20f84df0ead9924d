// Arguments of `max::packed_linear`, of packing its weights, and of `max::packed_embedding`.
//
// Weights of blocks are packed as quantized_blocks.h says. One of elements [out_features, in_features] is
// packed into panels of 64 outputs:
//
//   packed [panels][groups][64]    a group is four bytes of one output's row: a float, or two bfloat16
//
// so that a vector holds the same group of several outputs (there are no sums across lanes), and one
// panel is read as one sequential stream. Outputs and elements that are not there are zero.

#pragma once

#include "elements.h"
#include "panel.h"
#include "pool.h"

namespace max {

// Groups of a row of weights of a type.
inline int64_t groups_of(ElementType type, int64_t in_features) {
  return type == kFloat32 ? in_features : (in_features + 1) / 2;
}

// How the rows of a weight are encoded: blocks, named as `QuantizationEncoding` of max.graph.quantization
// does, or elements. layouts/panels.py has the same numbers.
enum Encoding : int32_t {
  kQ8_0 = 0,
  kQ4_0 = 1,
  kQ4_1 = 2,
  kQ5_0 = 3,
  kQ5_1 = 4,
  kQ4_K = 5,
  kQ5_K = 6,
  kQ6_K = 7,
  kOfFloat32 = 8,
  kOfBfloat16 = 9,
  kOfFloat16 = 10,
  kQ2_K = 11,
  kQ3_K = 12,
  kIQ4_NL = 13,
  kIQ4_XS = 14,
  kMXFP4 = 15,
  kIQ1_S = 16,
  kIQ1_M = 17,
  kIQ2_XXS = 18,
  kIQ2_XS = 19,
  kIQ2_S = 20,
  kIQ3_XXS = 21,
  kIQ3_S = 22,
  kTQ1_0 = 23,
  kTQ2_0 = 24,
};

inline bool is_of_elements(Encoding encoding) {
  return kOfFloat32 <= encoding && encoding <= kOfFloat16;
}

// Of an encoding that is elements.
inline ElementType element_type(Encoding encoding) {
  return static_cast<ElementType>(encoding - kOfFloat32);
}

struct Grid;

// One weight that is multiplied: out = x @ weight.T + bias.
struct PackedWeight {
  const void* packed;
  const void* bias;  // [out_features] of the element type, or null
  void* out;         // [rows, out_features] of the element type
  int64_t out_features;
  int64_t out_stride;  // elements from one row of `out` to the next
  const Grid* grid;  // of the encoding, or null: vectors whose places are stored (grid_blocks.h)
  Encoding encoding;
};

struct PackedLinearArgs {
  const void* x;  // [rows, in_features]
  int64_t rows;
  int64_t in_features;  // of weights of blocks: a multiple of those
  int64_t x_stride;     // elements from one row of `x` to the next
  // All of elements of one type: `type`, or one of 16 bits. Or all of blocks, as many in a unit.
  const PackedWeight* weights;
  int64_t num_weights;
  // Elements: rows * groups * 4 bytes; beside weights of 16 bits rows * groups * 8.
  // Blocks: rows * in_features / 32 * 52 bytes, aligned to 4.
  void* workspace;
  ElementType type;  // of x, biases and results
};

// `packed_products` of packed_linear/cpu.cpp: several calls at once, all of one type and of weights of one way.
// Kernels that are made of products are given its address, and have no products compiled into them.
using Products = void (*)(const PackedLinearArgs* calls, int64_t count, Pool* pool);

struct PackArgs {
  const void* rows;  // [out_features, in_features], as in a file
  int64_t out_features;
  int64_t in_features;
  int64_t row_bytes;  // from one row to the next
  void* packed;
  Encoding encoding;
};

// Rows of a packed weight [rows, columns] by number: an embedding.
struct PackedEmbeddingArgs {
  const void* packed;
  int64_t rows;
  int64_t columns;
  const int64_t* indices;  // those outside [-rows, rows) give NaN
  int64_t count;
  void* out;  // [count, columns] of `type`
  const Grid* grid;  // as of a PackedWeight
  Encoding encoding;
  ElementType type;
};

}  // namespace max
