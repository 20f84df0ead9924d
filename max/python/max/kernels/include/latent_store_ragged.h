// Arguments of `max::latent_store_ragged`.

#pragma once

#include "elements.h"
#include "paging.h"

namespace max {

struct LatentStoreRaggedArgs {
  const void* q;         // [rows, heads, q_width]; the last `turned` of each head are turned
  const void* absorbed;  // [rows, heads, rank], the rest of the queries as the latents have it
  const void* kv;        // [rows, rank + turned]
  const void* weight;    // [rank], of the norm
  void* kv_blocks;
  void* out;  // [rows, heads, rank + turned]
  const float* freqs_cis;
  RaggedBatch batch;
  CacheShape shape;  // one head of rank + turned
  int64_t layer;
  int64_t heads;
  int64_t q_width;
  int64_t rank;
  int64_t turned;
  int64_t q_stride;
  int64_t kv_stride;
  float eps;
  int32_t interleaved;
  ElementType type;
  ElementType kv_type;
};

}  // namespace max
