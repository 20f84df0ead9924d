// Arguments of `max::experts`.
//
// A slot is a row of x with one of the experts that it was given. Slots are ordered by expert, so that each
// expert multiplies all its rows at once:
//
//   x [rows] -> gathered [slots] -> gates, ups [slots] -> gates [slots] -> downs [slots] -> out [rows]
//               by expert            per expert            activation     per expert       sum of a row's

#pragma once

#include "packed_linear.h"

namespace max {

struct ExpertMatrix {
  const void* packed;  // panels of expert 0, of expert 1, ...
  const void* bias;    // [experts, outputs] of the element type, or null
  int64_t bytes;       // of an expert's panels
  int64_t encoding;    // an Encoding
  const Grid* grid;    // of the encoding, or null: see PackedWeight
};

struct ExpertsArgs {
  const void* x;        // [rows, in_features]
  const float* routes;  // [rows, 2, top_k]: experts by number, then their weights
  void* out;            // [rows, in_features]
  int64_t rows;
  int64_t in_features;
  int64_t x_stride;  // elements from one row of `x` to the next
  int64_t width;     // outputs of gate and up
  int64_t experts;
  int64_t top_k;
  ExpertMatrix gate, up, down;  // gate and up as one call of packed_linear may have them
  Products products;            // of packed_linear
  int64_t* counts;              // [experts], slots of each: added to
  int64_t* slots;               // [rows * top_k]
  void* gathered;               // [rows * top_k, in_features], also downs
  void* gates;                  // [rows * top_k, width]
  void* ups;                    // likewise
  void* workspace;              // of packed_linear for rows * top_k rows of the wider
  int64_t row_bytes_in;         // of the workspace, for a row of in_features, and of width
  int64_t row_bytes_width;
  float limit;          // of the gate, and of the magnitude of up; 0 for none
  int32_t activation;   // an Activation, or kSwishPlusOne
  int32_t scales_input; // whether weights multiply what experts read instead of what they give
  ElementType type;
};

// (up + 1) * gate * sigmoid(1.702 * gate), of gpt-oss.
constexpr int32_t kSwishPlusOne = 100;

}  // namespace max
