// Arguments of `max::gather_rows`; see gather_rows/op.py.

#pragma once

#include <cstdint>

namespace max {

struct GatherRowsArgs {
  const void* table;
  int64_t rows;
  int64_t row_bytes;
  const int64_t* indices;
  int64_t count;
  void* out;  // [count] rows
};

}  // namespace max
