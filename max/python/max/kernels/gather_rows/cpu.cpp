// max::gather_rows on the CPU.

#include "../include/gather_rows.h"

#include <cstring>

#include "../include/elements.h"
#include "../include/pool.h"

// Bytes that are worth another thread.
constexpr int64_t kGrain = 1 << 16;

// Negative indices count from the end. A program cannot raise: the row of an index beyond the table is
// bytes of ones, which are NaN.
MAX_EXPORT void gather_rows(const max::GatherRowsArgs* args, max::Pool* pool) {
  int64_t bytes = args->row_bytes, grain = kGrain / std::max<int64_t>(1, bytes);
  max::parallel_for(pool, args->count, grain, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      int64_t row = args->indices[i] < 0 ? args->indices[i] + args->rows : args->indices[i];
      char* to = static_cast<char*>(args->out) + i * bytes;
      if (0 <= row && row < args->rows)
        std::memcpy(to, static_cast<const char*>(args->table) + row * bytes, bytes);
      else
        std::memset(to, 0xff, bytes);
    }
  });
}
