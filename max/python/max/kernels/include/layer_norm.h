// Arguments of `max::layer_norm`; see layer_norm/op.py.

#pragma once

#include "elements.h"

namespace max {

struct LayerNormArgs {
  const void* x;       // [rows, dim]
  const void* weight;  // [dim], or null for ones
  const void* bias;    // [dim], or null for zeros
  void* out;
  int64_t rows;
  int64_t dim;
  float eps;
  ElementType type;
};

}  // namespace max
