// Products of several inputs with a weight each, as one job.

#pragma once

#include <algorithm>
#include <vector>

#include "linear_of_blocks.h"
#include "linear_of_elements.h"

namespace max {

// Arranging the activations of fewer rows takes less time than waking other threads.
constexpr int64_t kRowsWorthThreads = 16;

// Several products at once.
template <typename Linear>
void multiply_all_with(const PackedLinearArgs* calls, int64_t count, Pool* pool) {
  std::vector<Linear> linears(calls, calls + count);
  int64_t rows = 0;
  for (int64_t i = 0; i < count; ++i) rows += calls[i].rows;
  parallel_for(rows > kRowsWorthThreads ? pool : nullptr, count, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) linears[i].prepare();
  });
  std::vector<int64_t> ends(count);
  int64_t total = 0;
  for (int64_t i = 0; i < count; ++i) ends[i] = total += linears[i].items();
  parallel_for(pool, total, 1, [&](int64_t first, int64_t last) {
    int64_t i = std::upper_bound(ends.begin(), ends.end(), first) - ends.begin();
    for (int64_t item = first; item < last; ++item) {
      for (; item >= ends[i]; ++i) {}
      linears[i].multiply_item(item - (i ? ends[i - 1] : 0));
    }
  });
}

template <typename Element>
void multiply_all(const PackedLinearArgs* calls, int64_t count, Pool* pool) {
  Encoding encoding = calls->weights->encoding;
  if (!is_of_elements(encoding))
    multiply_all_with<LinearOfBlocks<Element>>(calls, count, pool);
  else if (encoding == kOfFloat16)
    multiply_all_with<LinearOfElements<MixedHalfGroups, Element>>(calls, count, pool);
  else if constexpr (std::is_same_v<Element, bfloat16>)
    multiply_all_with<LinearOfElements<Bfloat16Groups, Element>>(calls, count, pool);
  else if (encoding == kOfBfloat16)
    multiply_all_with<LinearOfElements<MixedBfloat16Groups, Element>>(calls, count, pool);
  else
    multiply_all_with<LinearOfElements<Float32Groups, Element>>(calls, count, pool);
}

}  // namespace max
