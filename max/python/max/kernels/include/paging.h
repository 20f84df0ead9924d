// The paged KV cache as the CPU kernels see it; see paging.py.

#pragma once

#include <cstdint>

namespace max {

// kv_blocks [pages, 2, layers, page_size, kv_heads, stored]; a layer's vectors are in the order of tokens and heads or, as
// the cache has them, of heads and tokens: a head's tokens in sequence. Pages are
// `page_stride` elements apart: other groups of layers use pages of the same memory, of other shapes.
struct CacheShape {
  int64_t page_stride;
  int64_t layers;
  int64_t page_size;
  int64_t kv_heads;
  int64_t stored;  // elements of a vector, with what is behind them (cache_entries.h)
  int64_t token_stride, head_stride;

  // Elements of a layer's keys, or values, in a page.
  int64_t of_layer() const { return page_size * kv_heads * stored; }
};

// A ragged batch: request i owns rows offsets[i] .. offsets[i + 1], the tokens after past[i].
struct RaggedBatch {
  const uint32_t* offsets;
  const uint32_t* past;
  const uint32_t* lookup;  // [requests, lookup_width]
  int64_t requests;
  int64_t lookup_width;
};

// The first element of a request's token in the keys (kind 0) or values (kind 1) of a layer, of the first head.
template <typename T>
inline __attribute__((always_inline)) T* token_of(T* kv_blocks, const CacheShape& shape,
                                                  const RaggedBatch& batch, int64_t request,
                                                  int64_t token, int64_t kind, int64_t layer) {
  int64_t page = batch.lookup[request * batch.lookup_width + token / shape.page_size];
  return kv_blocks + page * shape.page_stride + (kind * shape.layers + layer) * shape.of_layer() +
         token % shape.page_size * shape.token_stride;
}

}  // namespace max
