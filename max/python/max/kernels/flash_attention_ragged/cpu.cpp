// max::flash_attention_ragged on the CPU: reads the paged cache in place.
//
// The query heads of one KV head, for a block of queries, are the rows of an item. Keys come in tiles of
// 64 positions, counted from position 0:
//
//   scores [rows][64] = queries x keys of the tile      (the keys are turned to [groups][64] once)
//   running softmax: `most` and `total` of each row, `sums` scaled when `most` grows
//   sums [rows][head_dim] += probabilities x values of the tile
//
// What a row adds up, and in which order, follows from its position alone: keys that it does not see
// have probability 0, which changes no sum. So its bits depend neither on the batch, nor on how its
// prompt was cut in chunks, nor on the number of threads.

#include "../include/flash_attention_ragged.h"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <vector>

#include "../include/exponential.h"
#include "../include/panel.h"
#include "../include/pool.h"
#include "../include/transpose.h"

namespace {

using namespace max;

constexpr int64_t kTile = kPanel;
constexpr int64_t kTileVectors = kTile / kFloats;
// Rows of an item, if a query has fewer heads per KV head: enough to pay for turning the keys.
constexpr int64_t kItemRows = 48;
// Handing work to other threads costs about as much as this many multiplications.
constexpr int64_t kWorthThreads = 1 << 17;
constexpr float kNothing = -std::numeric_limits<float>::infinity();

// Consecutive queries of a request, for all heads of one KV head.
struct Item {
  int64_t request;
  int64_t begin, end;  // rows of q
  int64_t kv_head;
};

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// Products of bfloat16 pairs are exact in float; with any float operand all are taken as floats.
template <typename Q, typename KV>
using GroupsOf = std::conditional_t<std::is_same_v<Q, bfloat16> && std::is_same_v<KV, bfloat16>,
                                    Bfloat16Groups, Float32Groups>;

// The rows of one item and what has been added up for them.
template <typename Q, typename KV>
class Attention {
  using Groups = GroupsOf<Q, KV>;
  using Element = typename Groups::Element;
  static constexpr int64_t kPerGroup = kGroupBytes / sizeof(Element);

 public:
  Attention(const FlashAttentionRaggedArgs& args, int64_t most_rows)
      : args_(args),
        dim_(args.shape.head_dim),
        groups_((dim_ + kPerGroup - 1) / kPerGroup),
        padded_dim_(round_up(dim_, kPanel)),
        heads_(args.heads / args.shape.kv_heads),
        queries_(most_rows * groups_),
        keys_(groups_ * kTile),
        values_(kTile * padded_dim_),
        scores_(most_rows * kTile),
        sums_(most_rows * padded_dim_),
        totals_(most_rows * kFloats),
        most_(most_rows) {}

  void run(const Item& item) {
    rows_ = (item.end - item.begin) * heads_;
    first_position_ = args_.batch.past[item.request] + item.begin - args_.batch.offsets[item.request];
    tokens_ = args_.batch.past[item.request] + args_.batch.offsets[item.request + 1] -
              args_.batch.offsets[item.request];
    read_queries(item);
    std::fill(sums_.begin(), sums_.end(), 0.0f);
    std::fill(totals_.begin(), totals_.end(), 0.0f);
    std::fill(most_.begin(), most_.end(), kNothing);
    int64_t last = end_of(rows_ - 1);
    for (int64_t tile = begin_of(0) / kTile * kTile; tile < last; tile += kTile) {
      int64_t count = std::min(kTile, last - tile);
      const KV* tokens[kTile];
      find_tokens(item, tile, count, 0, tokens);
      read_keys(tokens, count);
      find_tokens(item, tile, count, 1, tokens);
      read_values(tokens, count);
      for (int64_t row = 0; row < rows_; row += kPanelRows)
        add_tile(row, std::min(kPanelRows, rows_ - row), tile, count);
    }
    write(item);
  }

 private:
  // The positions [begin_of, end_of) that a row sees.
  int64_t begin_of(int64_t row) const {
    return args_.window ? std::max<int64_t>(0, first_position_ + row / heads_ - args_.window + 1) : 0;
  }
  int64_t end_of(int64_t row) const {
    return args_.causal ? first_position_ + row / heads_ + 1 : tokens_;
  }

  // Where the first element of a row's query, or result, lies.
  int64_t offset_of(const Item& item, int64_t row) const {
    return ((item.begin + row / heads_) * args_.heads + item.kv_head * heads_ + row % heads_) * dim_;
  }

  // queries_ [blocks of kPanelRows rows][groups][rows of the block]; the last group is filled up.
  void read_queries(const Item& item) {
    Element* to = reinterpret_cast<Element*>(queries_.data());
    for (int64_t row = 0; row < rows_; ++row) {
      const Q* from = static_cast<const Q*>(args_.q) + offset_of(item, row);
      int64_t begin = row / kPanelRows * kPanelRows, n = std::min(kPanelRows, rows_ - begin);
      Element* block = to + begin * groups_ * kPerGroup;
      for (int64_t i = 0; i < groups_ * kPerGroup; ++i)
        block[(i / kPerGroup * n + row - begin) * kPerGroup + i % kPerGroup] =
            i < dim_ ? converted<Element>(from[i]) : Element{};
    }
  }

  // Where the keys (kind 0) or values (kind 1) of a tile's tokens lie; the last one's for the rest.
  void find_tokens(const Item& item, int64_t tile, int64_t count, int64_t kind, const KV** tokens) {
    const KV* blocks = static_cast<const KV*>(args_.kv_blocks);
    int64_t page_size = args_.shape.page_size, stride = args_.shape.kv_heads * dim_;
    for (int64_t t = 0; t < count;) {
      const KV* first = token_of(blocks, args_.shape, args_.batch, item.request, tile + t, kind,
                                 args_.layer) + item.kv_head * dim_;
      int64_t end = std::min(count, t + page_size - (tile + t) % page_size);
      for (int64_t begin = t; t < end; ++t) tokens[t] = first + (t - begin) * stride;
    }
    std::fill(tokens + count, tokens + kTile, tokens[count - 1]);
  }

  // keys_ [groups][kTile]; keys that are not there are zero.
  void read_keys(const KV* const* tokens, int64_t count) {
    if constexpr (std::is_same_v<Element, KV>) {
      if (dim_ % (kPerGroup * kTransposed) == 0) {
        for (int64_t t = 0; t < kTile; t += kTransposed)
          for (int64_t g = 0; g < groups_; g += kTransposed)
            transpose_words(tokens + t, g, keys_.data() + g * kTile + t, kTile);
        return;
      }
    }
    Element* to = reinterpret_cast<Element*>(keys_.data());
    std::fill(keys_.begin(), keys_.end(), 0u);
    for (int64_t t = 0; t < count; ++t) {
      const KV* from = tokens[t];
      for (int64_t i = 0; i < dim_; ++i)
        to[(i / kPerGroup * kTile + t) * kPerGroup + i % kPerGroup] = converted<Element>(from[i]);
    }
  }

  // values_ [panels of head_dim][count][kPanel] as floats; columns that are not there stay zero.
  void read_values(const KV* const* tokens, int64_t count) {
    for (int64_t t = 0; t < count; ++t) {
      const KV* from = tokens[t];
      for (int64_t column = 0; column < dim_; column += kPanel) {
        float* to = values_.data() + (column * kTile) + t * kPanel;
        int64_t width = std::min(kPanel, dim_ - column);
        for (int64_t i = 0; i < width; ++i) to[i] = load(from[column + i]);
      }
    }
  }

  // Lets rows [row, row + n) see a tile.
  void add_tile(int64_t row, int64_t n, int64_t tile, int64_t count) {
    if (tile >= end_of(row + n - 1) || tile + count <= begin_of(row)) return;
    float* scores = scores_.data() + row * kTile;
    const char* queries = reinterpret_cast<const char*>(queries_.data() + row * groups_);
    multiply_panel<Groups, kGroupBytes>(n, reinterpret_cast<const char*>(keys_.data()), queries,
                                        n * kGroupBytes, groups_, scores, true);
    for (int64_t r = row; r < row + n; ++r) make_probabilities(r, tile);
    for (int64_t column = 0; column < padded_dim_; column += kPanel) {
      float added[kPanelRows * kPanel];
      multiply_panel<Float32Groups, kTile * kGroupBytes>(
          n, reinterpret_cast<const char*>(values_.data() + column * kTile),
          reinterpret_cast<const char*>(scores), kGroupBytes, count, added, true);
      for (int64_t r = 0; r < n; ++r) {
        float* sums = sums_.data() + (row + r) * padded_dim_ + column;
        for (int64_t i = 0; i < kPanel; i += kFloats)
          store_floats(sums + i, add(load_floats(sums + i), load_floats(added + r * kPanel + i)));
      }
    }
  }

  // Turns a row's scores into probabilities of the running softmax; scales what was added up before.
  void make_probabilities(int64_t row, int64_t tile) {
    float* scores = scores_.data() + row * kTile;
    int64_t begin = std::clamp<int64_t>(begin_of(row) - tile, 0, kTile);
    int64_t end = std::clamp<int64_t>(end_of(row) - tile, 0, kTile);
    Floats p[kTileVectors], scale = broadcast(args_.scale);
    std::fill(scores, scores + begin, kNothing);
    std::fill(scores + std::max(begin, end), scores + kTile, kNothing);
    for (int64_t v = 0; v < kTileVectors; ++v) p[v] = load_floats(scores + v * kFloats) * scale;
    float most = std::max(most_[row], largest(p));
    if (most == kNothing) {
      std::fill(scores, scores + kTile, 0.0f);
      return;
    }
    Floats total = load_floats(totals_.data() + row * kFloats);
    if (most != most_[row]) {
      Floats shrink = exponential(broadcast(most_[row] - most));
      total = total * shrink;
      float* sums = sums_.data() + row * padded_dim_;
      for (int64_t i = 0; i < padded_dim_; i += kFloats)
        store_floats(sums + i, load_floats(sums + i) * shrink);
      most_[row] = most;
    }
    for (int64_t v = 0; v < kTileVectors; ++v) {
      p[v] = exponential(p[v] - broadcast(most));
      total = total + p[v];
      store_floats(scores + v * kFloats, p[v]);
    }
    store_floats(totals_.data() + row * kFloats, total);
  }

  static float largest(const Floats* p) {
    Floats found = p[0];
    for (int64_t v = 1; v < kTileVectors; ++v) found = p[v] > found ? p[v] : found;
    float lanes[kFloats];
    store_floats(lanes, found);
    return *std::max_element(lanes, lanes + kFloats);
  }

  void write(const Item& item) const {
    for (int64_t row = 0; row < rows_; ++row) {
      const float* totals = totals_.data() + row * kFloats;
      float total = 0;
      for (int64_t i = 0; i < kFloats; ++i) total += totals[i];
      Q* out = static_cast<Q*>(args_.out) + offset_of(item, row);
      const float* sums = sums_.data() + row * padded_dim_;
      for (int64_t i = 0; i < dim_; ++i) store(sums[i] / total, &out[i]);
    }
  }

  const FlashAttentionRaggedArgs& args_;
  int64_t dim_, groups_, padded_dim_, heads_;
  int64_t rows_ = 0, first_position_ = 0, tokens_ = 0;
  std::vector<uint32_t> queries_, keys_;
  std::vector<float> values_, scores_, sums_, totals_, most_;
};

std::vector<Item> items_of(const FlashAttentionRaggedArgs& args) {
  int64_t heads = args.heads / args.shape.kv_heads;
  int64_t queries = std::max<int64_t>(1, kItemRows / heads);
  std::vector<Item> items;
  for (int64_t request = 0; request < args.batch.requests; ++request) {
    int64_t end = args.batch.offsets[request + 1];
    for (int64_t row = args.batch.offsets[request]; row < end; row += queries)
      for (int64_t head = 0; head < args.shape.kv_heads; ++head)
        items.push_back({request, row, std::min(end, row + queries), head});
  }
  return items;
}

int64_t work_of(const FlashAttentionRaggedArgs& args) {
  int64_t work = 0;
  for (int64_t i = 0; i < args.batch.requests; ++i) {
    int64_t rows = args.batch.offsets[i + 1] - args.batch.offsets[i];
    work += rows * (args.batch.past[i] + rows) * args.heads * args.shape.head_dim;
  }
  return work;
}

template <typename Q, typename KV>
void attend(const FlashAttentionRaggedArgs& args, Pool* pool) {
  std::vector<Item> items = items_of(args);
  int64_t most_rows = 0;
  for (const Item& item : items)
    most_rows = std::max(most_rows, (item.end - item.begin) * args.heads / args.shape.kv_heads);
  if (work_of(args) < kWorthThreads) pool = nullptr;
  parallel_for(pool, items.size(), 1, [&](int64_t begin, int64_t end) {
    Attention<Q, KV> attention(args, most_rows);
    for (int64_t i = begin; i < end; ++i) attention.run(items[i]);
  });
}

}  // namespace

MAX_EXPORT void flash_attention_ragged(const FlashAttentionRaggedArgs* args, Pool* pool) {
  bool is_float = args->q_type == kFloat32, cache_is_float = args->kv_type == kFloat32;
  if (is_float)
    cache_is_float ? attend<float, float>(*args, pool) : attend<float, bfloat16>(*args, pool);
  else
    cache_is_float ? attend<bfloat16, float>(*args, pool) : attend<bfloat16, bfloat16>(*args, pool);
}
