// Arguments of `max::rope_store_ragged`; see rope_store_ragged/op.py.

#pragma once

#include "elements.h"
#include "paging.h"

namespace max {

struct RopeStoreRaggedArgs {
  const void* q;  // [rows, heads * head_dim], rows q_stride apart; so the others
  const void* k;  // [rows, kv_heads * head_dim]
  const void* v;  // as k
  void* kv_blocks;
  void* out;               // as q, in sequence
  const float* freqs_cis;  // [positions, half, 2], cosine and sine; null if nothing is turned
  RaggedBatch batch;
  CacheShape shape;
  int64_t layer;
  int64_t heads;
  int64_t half;  // pairs of a head that are turned
  int64_t q_stride, k_stride, v_stride;
  int32_t interleaved;
  ElementType type;
  ElementType kv_type;
};

}  // namespace max
