// Arguments of `max::head_linear`.

#pragma once

#include "packed_linear.h"

namespace max {

struct HeadLinearArgs {
  const void* x;       // [rows, heads, head_stride], of which the first in_features of each head count
  const void* packed;  // panels of head 0, of head 1, ...
  void* out;           // [rows, heads, out_features]
  int64_t rows;
  int64_t heads;
  int64_t in_features;
  int64_t out_features;
  int64_t x_stride;     // elements from one row of `x` to the next
  int64_t head_stride;  // elements from one head of a row to the next
  int64_t bytes;        // of a head's panels
  Products products;    // of packed_linear
  void* workspace;      // of packed_linear, for rows * heads rows
  int64_t row_bytes;    // of the workspace, for a row
  int64_t encoding;     // an Encoding
  const Grid* grid;     // of the encoding, or null: see PackedWeight
  ElementType type;
};

}  // namespace max
