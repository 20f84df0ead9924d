// max::flash_attention_ragged on the CPU: reads the paged cache in place.
//
// Query heads of some KV heads, for a block of queries, are the rows of an item. Keys come in tiles
// of 64 positions, counted from position 0; for each tile and KV head:
//
//   scores [rows][64] = queries x keys of the tile      (the keys are turned to [groups][64] once)
//   running softmax: `most` and `total` of each row, `sums` scaled when `most` grows
//   sums [rows][head_dim] += probabilities x values of the tile
//
// Both are products of rows with a panel (panel.h). A bfloat16 cache is multiplied in groups of two:
// two elements of a key, two keys' values side by side. Where pairs of bfloat16 are multiplied, the
// probabilities are rounded to bfloat16; what they are divided by in the end is the sum of those not
// rounded. A cache of bytes is multiplied as bytes, or decoded (byte_products.h, element_products.h).
//
// What a row adds up, and in which order, follows from its position alone: keys that it does not see
// have probability 0, which changes no sum. So its bits depend neither on the batch, nor on how its
// prompt was cut in chunks, nor on the number of threads.

#include "../include/flash_attention_ragged.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <vector>

#include "../include/attention_items.h"
#include "../include/byte_products.h"
#include "../include/cache_entries.h"
#include "../include/element_products.h"
#include "../include/functions.h"
#include "../include/online_softmax.h"
#include "../include/pool.h"
#include "../include/scratch.h"

namespace {

using namespace max;

constexpr int64_t kTile = kPanel;

// A cache of bytes is multiplied as such where the machine has instructions for it.
#if defined(__AVX512VNNI__)
template <typename Q, typename KV>
using ProductsOf =
    std::conditional_t<std::is_same_v<KV, int8_t>, ByteProducts<Q>, ElementProducts<Q, KV>>;
#else
template <typename Q, typename KV>
using ProductsOf = ElementProducts<Q, KV>;
#endif

// Where the keys and the values of a tile's tokens lie, of the item's first KV head.
template <typename KV>
struct Tile {
  int64_t begin, count;
  const KV* tokens[2 * kTile];  // keys, then values

  const KV** keys() { return tokens; }
  const KV** values() { return tokens + kTile; }
};

// The rows of one item and what has been added up for them.
template <typename Q, typename KV>
class Attention {
  using Products = ProductsOf<Q, KV>;
  using Element = typename Products::Element;

 public:
  // most_rows: of one KV head; most_heads: KV heads.
  Attention(const FlashAttentionRaggedArgs& args, int64_t most_rows, int64_t most_heads)
      : args_(args),
        width_(args.shape.stored),
        head_stride_(args.shape.head_stride),
        dim_(width_ - kFactorElements<KV>),
        panels_((dim_ + kPanel - 1) / kPanel),
        group_(args.heads / args.shape.kv_heads),
        most_rows_(most_rows),
        products_(dim_, most_rows, most_heads),
        sums_(most_heads * panels_ * most_rows * kPanel),
        softmax_(most_heads * most_rows) {}

  void run(const AttentionItem& item) {
    heads_ = item.end_query - item.first_query;
    rows_ = (item.end - item.begin) * heads_;
    first_position_ = args_.batch.past[item.request] + item.begin - args_.batch.offsets[item.request];
    tokens_ = args_.batch.past[item.request] + args_.batch.offsets[item.request + 1] -
              args_.batch.offsets[item.request];
    block_rows_ = products_.begin(rows_);
    int64_t kv_heads = item.end_head - item.first_head;
    for (int64_t head = 0; head < kv_heads; ++head) {
      std::fill_n(sums_of(head, 0, 0), panels_ * most_rows_ * kPanel, 0.0f);
      for (int64_t row = 0; row < rows_; ++row) {
        products_.read_query(head, row, static_cast<const Q*>(args_.q) + offset_of(item, head, row));
        clear(item, head, row);
      }
    }
    int64_t last = end_of(rows_ - 1);
    Tile<KV> tiles[2];
    Tile<KV>*now = &tiles[0], *next = &tiles[1];
    find(item, begin_of(0) / kTile * kTile, last, now);
    set_next(*now, 0);
    next_.fetch(lines_of(2 * kTile));
    for (; now->count > 0; std::swap(now, next)) {
      find(item, now->begin + kTile, last, next);
      for (int64_t head = 0; head < kv_heads; ++head) {
        head + 1 < kv_heads ? set_next(*now, head + 1) : set_next(*next, 0);
        products_.begin_tile({now->keys(), now->count, head * head_stride_},
                             {now->values(), now->count, head * head_stride_}, next_);
        add_tile(item, head, *now);
      }
    }
    for (int64_t head = 0; head < kv_heads; ++head) write(item, head);
  }

 private:
  // The positions [begin_of, end_of) that a row sees.
  int64_t begin_of(int64_t row) const {
    int64_t position = first_position_ + row / heads_;
    int64_t begin = args_.window ? std::max<int64_t>(0, position - args_.window + 1) : 0;
    return args_.chunk ? std::max(begin, position / args_.chunk * args_.chunk) : begin;
  }
  int64_t end_of(int64_t row) const {
    int64_t position = first_position_ + row / heads_;
    if (args_.causal) return position + 1;
    int64_t end = args_.window ? std::min(tokens_, position + args_.window) : tokens_;
    return args_.chunk ? std::min(end, (position / args_.chunk + 1) * args_.chunk) : end;
  }

  // What a row has seen before any token: nothing, or its head's sink, whose value is zero.
  void clear(const AttentionItem& item, int64_t head, int64_t row) const {
    softmax_of(head, row).clear();
    if (args_.sinks == nullptr) return;
    int64_t at = head_of(item, head, row);
    float sink = args_.sinks_type == kFloat32 ? static_cast<const float*>(args_.sinks)[at]
                                              : load(static_cast<const bfloat16*>(args_.sinks)[at]);
    softmax_of(head, row).start(sink * kLog2OfE);
  }

  // Sets a tile's scores to what the softmax takes: in powers of two, capped. Returns their factor.
  float cap(float* scores) const {
    if (args_.softcap == 0) return args_.scale * kLog2OfE;
    for (int64_t i = 0; i < kTile; i += kFloats)
      store_floats(scores + i, hyperbolic_tangent(multiply(load_floats(scores + i),
                                                           broadcast(args_.scale / args_.softcap))));
    return args_.softcap * kLog2OfE;
  }

  // Sets the scores of a tile from a position on to what they are with the biases of their distances,
  // in powers of two. Returns their factor then.
  float add_bias(const AttentionItem& item, int64_t head, int64_t row, int64_t begin, float factor,
                 float* scores) const {
    int32_t span = static_cast<int32_t>(args_.span);
    int32_t first = static_cast<int32_t>(begin - first_position_ - row / heads_);
    const float* bias = args_.bias + head_of(item, head, row) * (2 * args_.span + 1) + span;
    for (int32_t t = 0; t < kTile; ++t)
      scores[t] = scores[t] * factor + bias[std::clamp(first + t, -span, span)] * kLog2OfE;
    return 1.0f;
  }

  // The query head that a row is of.
  int64_t head_of(const AttentionItem& item, int64_t head, int64_t row) const {
    return (item.first_head + head) * group_ + item.first_query + row % heads_;
  }

  // Where the first element of a row's query, or result, lies.
  int64_t offset_of(const AttentionItem& item, int64_t head, int64_t row) const {
    return ((item.begin + row / heads_) * args_.heads + head_of(item, head, row)) * dim_;
  }

  RowSoftmax& softmax_of(int64_t head, int64_t row) const {
    return softmax_.data()[head * most_rows_ + row];
  }
  // sums_ [heads][panels of head_dim][most_rows][kPanel]
  float* sums_of(int64_t head, int64_t panel, int64_t row) const {
    return sums_.data() + ((head * panels_ + panel) * most_rows_ + row) * kPanel;
  }

  // Finds the tokens of the tile that begins at a position; the last one's place stands for the rest.
  void find(const AttentionItem& item, int64_t begin, int64_t end, Tile<KV>* tile) const {
    tile->begin = begin;
    tile->count = std::clamp<int64_t>(end - begin, 0, kTile);
    const KV* blocks = static_cast<const KV*>(args_.kv_blocks);
    int64_t page_size = args_.shape.page_size;
    int64_t to_values = args_.shares_values ? 0 : args_.shape.layers * args_.shape.of_layer();
    for (int64_t t = 0; t < tile->count;) {
      const KV* keys = token_of(blocks, args_.shape, args_.batch, item.request, begin + t, 0,
                                args_.layer) + item.first_head * head_stride_;
      int64_t stop = std::min(tile->count, t + page_size - (begin + t) % page_size);
      for (; t < stop; ++t, keys += args_.shape.token_stride) {
        tile->keys()[t] = keys;
        tile->values()[t] = keys + to_values;
      }
    }
    for (int64_t t = tile->count; t > 0 && t < kTile; ++t) {
      tile->keys()[t] = tile->keys()[t - 1];
      tile->values()[t] = tile->values()[t - 1];
    }
  }

  // Lets the rows of a KV head see a tile, and fetches what comes next.
  void add_tile(const AttentionItem& item, int64_t head, const Tile<KV>& tile) {
    int64_t begin = tile.begin;
    for (int64_t row = 0; row < rows_; row += block_rows_) {
      int64_t n = std::min(block_rows_, rows_ - row);
      if (begin >= end_of(row + n - 1) || begin + tile.count <= begin_of(row)) continue;
      alignas(kScratchAlignment) float scores[Products::kMostRows * kTile];
      alignas(kScratchAlignment) Element probabilities[Products::kMostRows * kTile];
      products_.score(n, head, row, scores, next_);
      for (int64_t r = row; r < row + n; ++r) {
        float* of_row = scores + (r - row) * kTile;
        float factor = cap(of_row);
        if (args_.bias != nullptr) factor = add_bias(item, head, r, begin, factor, of_row);
        float shrink = softmax_of(head, r).add_tile(of_row, factor, begin_of(r) - begin,
                                                    end_of(r) - begin,
                                                    probabilities + (r - row) * kTile);
        if (shrink != 1.0f) scale_sums(head, r, shrink);
        if (products_.reads_in_place()) next_.fetch(lines_of(2 * kTile) / 8 / n);
      }
      products_.add(n, probabilities, sums_of(head, 0, row), most_rows_ * kPanel, next_);
    }
  }

  // Cache lines of some tokens' keys, or values.
  int64_t lines_of(int64_t tokens) const {
    return tokens * dim_ * static_cast<int64_t>(sizeof(KV)) / NextTokens::kLine;
  }

  // A head of a tile, whose tokens lie in sequence; where they do not, in small pages, others are fetched.
  void set_next(const Tile<KV>& tile, int64_t head) {
    next_ = {};
    if (tile.count == 0) return;
    auto at = [&](int64_t i) { return reinterpret_cast<const char*>(tile.tokens[i] + head * head_stride_); };
    int64_t bytes = tile.count * width_ * static_cast<int64_t>(sizeof(KV));
    next_ = {at(0), at(0) + bytes, args_.shares_values ? nullptr : at(kTile), bytes};
  }

  void scale_sums(int64_t head, int64_t row, float by) {
    for (int64_t panel = 0; panel < panels_; ++panel) {
      float* sums = sums_of(head, panel, row);
      for (int64_t i = 0; i < kPanel; i += kFloats)
        store_floats(sums + i, multiply(load_floats(sums + i), broadcast(by)));
    }
  }

  void write(const AttentionItem& item, int64_t head) const {
    for (int64_t row = 0; row < rows_; ++row) {
      float total = softmax_of(head, row).sum();
      Q* out = static_cast<Q*>(args_.out) + offset_of(item, head, row);
      for (int64_t column = 0; column < dim_; column += kPanel) {
        const float* sums = sums_of(head, column / kPanel, row);
        Floats result[kPanel / kFloats];
        for (int64_t v = 0; v < kPanel / kFloats; ++v)
          result[v] = load_floats(sums + v * kFloats) / broadcast(total);
        Q all[kPanel];
        store_panel(result, all);
        std::memcpy(out + column, all, std::min(kPanel, dim_ - column) * sizeof(Q));
      }
    }
  }

  const FlashAttentionRaggedArgs& args_;
  int64_t width_, head_stride_, dim_, panels_, group_, most_rows_;  // width_: of a vector as it is stored
  int64_t heads_ = 0, rows_ = 0, block_rows_ = 0, first_position_ = 0, tokens_ = 0;
  NextTokens next_;
  Products products_;
  Scratch<float> sums_;
  Scratch<RowSoftmax> softmax_;
};

template <typename Q, typename KV>
void attend(const FlashAttentionRaggedArgs& args, Pool* pool) {
  if (attention_work(args) < kWorthThreads) pool = nullptr;
  std::vector<AttentionItem> items = attention_items(args, pool == nullptr ? 1 : pool->threads);
  parallel_for(pool, items.size(), 1, [&](int64_t begin, int64_t end) {
    int64_t most_rows = 0, most_heads = 0;
    for (int64_t i = begin; i < end; ++i) {
      most_rows = std::max(most_rows, (items[i].end - items[i].begin) * args.heads / args.shape.kv_heads);
      most_heads = std::max(most_heads, items[i].end_head - items[i].first_head);
    }
    Attention<Q, KV> attention(args, most_rows, most_heads);
    for (int64_t i = begin; i < end; ++i) attention.run(items[i]);
  });
}

template <typename Q>
void attend(const FlashAttentionRaggedArgs& args, Pool* pool) {
  switch (args.kv_type) {
    case kFloat32: return attend<Q, float>(args, pool);
    case kInt8: return attend<Q, int8_t>(args, pool);
    default: return attend<Q, bfloat16>(args, pool);
  }
}

}  // namespace

MAX_EXPORT void flash_attention_ragged(const FlashAttentionRaggedArgs* args, Pool* pool) {
  args->q_type == kFloat32 ? attend<float>(*args, pool) : attend<bfloat16>(*args, pool);
}
