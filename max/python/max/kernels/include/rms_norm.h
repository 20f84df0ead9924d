// Arguments of `max::rms_norm`; see rms_norm/op.py.

#pragma once

#include "elements.h"

namespace max {

struct RmsNormArgs {
  const void* x;  // [rows, dim]
  const void* weight;
  void* out;
  int64_t rows;
  int64_t dim;
  float eps;
  float weight_offset;
  int32_t multiply_before_cast;
  ElementType type;
};

}  // namespace max
