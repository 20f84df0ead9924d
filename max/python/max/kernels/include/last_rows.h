// Arguments of `max::last_rows`.

#pragma once

#include <cstdint>

struct LastRowsArgs {
  const void* x;                // [rows, ...]
  int64_t rows;
  int64_t row_bytes;
  const uint32_t* row_offsets;  // [batch + 1]
  int64_t batch;
  void* out;  // [batch, ...]
};
