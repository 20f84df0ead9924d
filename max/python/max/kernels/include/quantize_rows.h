// The C ABI of the search for scales; the op is defined by quantize_rows/reference.py.

#pragma once

#include <cstdint>

namespace max {

// `mins` null: numbers are -levels .. levels - 1, and a group's elements are near number * scale.
// Otherwise they are 0 .. levels, and near number * scale - min.
struct QuantizeRowsArgs {
  const float* x;  // [groups, elements]
  int64_t groups;
  int64_t elements;  // of a group: 16 or 32
  float levels;
  float first;    // how many numbers more the first candidate spreads the elements over
  int64_t steps;  // candidates after the first
  float* scales;  // [groups]
  float* mins;    // [groups]
};

}  // namespace max
