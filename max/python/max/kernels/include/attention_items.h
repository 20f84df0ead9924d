// How attention is shared out among threads.

#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "flash_attention_ragged.h"

namespace max {

// Rows of an item, if a query has fewer heads per KV head: enough to pay for turning the keys.
constexpr int64_t kItemRows = 96;
// Items for each thread, if there are as many heads.
constexpr int64_t kItemsPerThread = 2;
// Query heads of an item of which a KV head has more than the threads have KV heads: fewer are not worth
// reading the keys once more.
constexpr int64_t kFewestHeads = 4;
// Handing work to other threads costs about as much as this many multiplications.
constexpr int64_t kWorthThreads = 1 << 17;

// Consecutive queries of a request, for some query heads (all, usually) of each of some KV heads.
struct AttentionItem {
  int64_t request;
  int64_t begin, end;              // rows of q
  int64_t first_head, end_head;    // KV heads
  int64_t first_query, end_query;  // query heads of each
};

// How many items the query heads of each KV head make, where even one item for each KV head is too few for
// the threads: a latent cache has one.
inline int64_t parts_of_group(int64_t items, int64_t heads, int64_t threads) {
  if (items == 0 || items >= threads) return 1;
  return std::clamp<int64_t>((threads + items - 1) / items, 1, std::max<int64_t>(1, heads / kFewestHeads));
}

// The work in parts: blocks of queries, and where these are too few for the threads, fewer heads each.
inline std::vector<AttentionItem> attention_items(const FlashAttentionRaggedArgs& args,
                                                  int64_t threads) {
  int64_t heads = args.heads / args.shape.kv_heads, kv_heads = args.shape.kv_heads;
  int64_t queries = std::max<int64_t>(1, kItemRows / heads), blocks = 0;
  const uint32_t* offsets = args.batch.offsets;
  for (int64_t request = 0; request < args.batch.requests; ++request)
    blocks += (offsets[request + 1] - offsets[request] + queries - 1) / queries;
  int64_t wanted = threads * kItemsPerThread;
  int64_t parts = std::clamp<int64_t>(wanted / std::max<int64_t>(blocks, 1), 1, kv_heads);
  int64_t group_parts = parts_of_group(blocks * kv_heads, heads, threads);
  std::vector<AttentionItem> items;
  for (int64_t request = 0; request < args.batch.requests; ++request) {
    for (int64_t row = offsets[request]; row < offsets[request + 1]; row += queries) {
      int64_t end = std::min<int64_t>(offsets[request + 1], row + queries);
      int64_t rows = (end - row) * heads;
      int64_t most = std::max<int64_t>(1, std::min(kItemRows / rows, (kv_heads + parts - 1) / parts));
      for (int64_t head = 0; head < kv_heads; head += most)
        for (int64_t part = 0; part < group_parts; ++part)
          items.push_back({request, row, end, head, std::min(kv_heads, head + most),
                           heads * part / group_parts, heads * (part + 1) / group_parts});
    }
  }
  return items;
}

// About how many multiplications it is.
inline int64_t attention_work(const FlashAttentionRaggedArgs& args) {
  int64_t work = 0;
  for (int64_t i = 0; i < args.batch.requests; ++i) {
    int64_t rows = args.batch.offsets[i + 1] - args.batch.offsets[i];
    work += rows * (args.batch.past[i] + rows) * args.heads * args.shape.stored;
  }
  return work;
}

}  // namespace max
