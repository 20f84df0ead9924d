// Arguments of `max::flash_attention_ragged`; see flash_attention_ragged/op.py.

#pragma once

#include "elements.h"
#include "paging.h"

namespace max {

struct FlashAttentionRaggedArgs {
  const void* q;  // [rows, heads * head_dim]
  const void* kv_blocks;
  void* out;  // as q
  RaggedBatch batch;
  CacheShape shape;
  int64_t layer;
  int64_t heads;
  int64_t window;  // positions that a row sees, itself included; 0 for all
  float scale;
  int32_t causal;
  ElementType q_type;
  ElementType kv_type;
};

}  // namespace max
