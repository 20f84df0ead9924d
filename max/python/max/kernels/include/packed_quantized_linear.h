// Arguments of `max::packed_quantized_linear`, of packing its weights, and of
// `max::packed_quantized_embedding`.

#pragma once

#include "quantized_blocks.h"

namespace max {

struct PackedQuantizedLinearArgs {
  const void* x;  // [rows, in_features]
  int64_t rows;
  int64_t in_features;  // a multiple of the blocks of the encodings
  int64_t x_stride;     // elements from one row of `x` to the next
  const PackedWeight* weights;
  const Encoding* encodings;  // of each weight
  int64_t num_weights;
  void* workspace;   // rows * in_features / 32 * 48 bytes, aligned to 4
  ElementType type;  // of x, biases and results
};

struct PackBlocksArgs {
  const uint8_t* rows;  // [out_features, row_bytes]: blocks as in the file
  int64_t out_features;
  int64_t in_features;
  int64_t row_bytes;
  void* packed;
  Encoding encoding;
};

// Rows of a packed weight [rows, columns] by number: an embedding.
struct PackedQuantizedEmbeddingArgs {
  const void* packed;
  int64_t rows;
  int64_t columns;
  const int64_t* indices;  // those outside [-rows, rows) give NaN
  int64_t count;
  void* out;  // [count, columns] of `type`
  Encoding encoding;
  ElementType type;
};

}  // namespace max
