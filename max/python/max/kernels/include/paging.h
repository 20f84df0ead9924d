// The paged KV cache as the CPU kernels see it; see paging.py.

#pragma once

#include <cstdint>

namespace max {

// kv_blocks [pages, 2, layers, kv_heads, page_size, stored], a page's elements in order. Pages are
// `page_stride` elements apart: other groups of layers use pages of the same memory, of other shapes.
struct CacheShape {
  int64_t page_stride;
  int64_t layers;
  int64_t page_size;
  int64_t kv_heads;
  int64_t stored;  // elements of a vector, with what is behind them (cache_entries.h)

  // Elements from a head's tokens to the next one's.
  int64_t head_stride() const { return page_size * stored; }
};

// A ragged batch: request i owns rows offsets[i] .. offsets[i + 1], the tokens after past[i].
struct RaggedBatch {
  const uint32_t* offsets;
  const uint32_t* past;
  const uint32_t* lookup;  // [requests, lookup_width]
  int64_t requests;
  int64_t lookup_width;
};

// The first element of a request's token in the keys (kind 0) or values (kind 1) of a layer, for the first head.
template <typename T>
inline __attribute__((always_inline)) T* token_of(T* kv_blocks, const CacheShape& shape,
                                                  const RaggedBatch& batch, int64_t request,
                                                  int64_t token, int64_t kind, int64_t layer) {
  int64_t page = batch.lookup[request * batch.lookup_width + token / shape.page_size];
  int64_t heads = (kind * shape.layers + layer) * shape.kv_heads;
  return kv_blocks + page * shape.page_stride + heads * shape.head_stride() + token % shape.page_size * shape.stored;
}

}  // namespace max
