// Fetching the memory that is read next while what is in cache is multiplied.

#pragma once

#include "elements.h"

namespace max {

// Weights are multiplied with one block of rows after another. With the last blocks they are in cache,
// and memory would rest; so with each block a share of what comes next is fetched.
struct Ahead {
  int64_t distance;  // bytes from what is multiplied to what comes next; 0 to fetch nothing
  int64_t part, parts;

  // One of the shares of this share.
  MAX_INLINE Ahead share(int64_t i, int64_t count) const {
    return {distance, part * count + i, parts * count};
  }

  // Fetches this share of `size` bytes. They need not be there.
  MAX_INLINE void fetch(const void* from, int64_t size) const {
    if (distance == 0) return;
    const char* next = static_cast<const char*>(from) + distance;
    for (int64_t at = 64 * part; at < size; at += 64 * parts) __builtin_prefetch(next + at, 0, 2);
  }
};

}  // namespace max
