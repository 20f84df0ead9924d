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
void multiply_all(const std::vector<PackedLinearArgs>& calls, Pool* pool) {
  std::vector<Linear> linears(calls.begin(), calls.end());
  int64_t count = static_cast<int64_t>(linears.size());
  int64_t rows = 0;
  for (const PackedLinearArgs& call : calls) rows += call.rows;
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
void multiply_all(Encoding encoding, const std::vector<PackedLinearArgs>& calls, Pool* pool) {
  if (!is_of_elements(encoding))
    multiply_all<LinearOfBlocks<Element>>(calls, pool);
  else if (encoding == kOfFloat16)
    multiply_all<LinearOfElements<MixedHalfGroups, Element>>(calls, pool);
  else if constexpr (std::is_same_v<Element, bfloat16>)
    multiply_all<LinearOfElements<Bfloat16Groups, Element>>(calls, pool);
  else if (encoding == kOfBfloat16)
    multiply_all<LinearOfElements<MixedBfloat16Groups, Element>>(calls, pool);
  else
    multiply_all<LinearOfElements<Float32Groups, Element>>(calls, pool);
}

}  // namespace max
