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
  int64_t window;  // positions back (and ahead, unless causal) that a row sees, with its own; 0 for all
  int64_t chunk;   // size of the blocks of positions within which a row sees others; 0 for one
  const void* sinks;  // [heads], a score more for each; null for none
  const float* bias;  // [heads, 2 * span + 1], what a distance adds to a score; null for nothing
  int64_t span;       // farther tokens count as so far
  float scale;
  float softcap;  // scores s become softcap * tanh(s / softcap); 0 for s
  int32_t causal;
  int32_t shares_values;  // whether a page has one kind of entry, keys and values at once
  ElementType q_type;
  ElementType kv_type;
  ElementType sinks_type;
};

}  // namespace max
