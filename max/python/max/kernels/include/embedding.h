// What the embeddings of packed tables share.

#pragma once

#include <limits>

#include "elements.h"
#include "pool.h"

namespace max {

// write(row, to) for each index, where `to` is the index's row of the output. Negative indices count
// from the end. A program cannot raise: the row of an index beyond the table is NaN.
template <typename Element, typename Args, typename Write>
void embed(const Args& args, Pool* pool, const Write& write) {
  parallel_for(pool, args.count, 8, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      int64_t row = args.indices[i] < 0 ? args.indices[i] + args.rows : args.indices[i];
      Element* to = static_cast<Element*>(args.out) + i * args.columns;
      if (0 <= row && row < args.rows)
        write(row, to);
      else
        for (int64_t k = 0; k < args.columns; ++k)
          store(std::numeric_limits<float>::quiet_NaN(), &to[k]);
    }
  });
}

}  // namespace max
