// max::rope_store_ragged on the CPU: turns queries and keys, writes keys and values to their pages.

#include "../include/rope_store_ragged.h"

#include <vector>

#include "../include/cache_entries.h"
#include "../include/pool.h"

namespace {

using namespace max;

// Elements of a row are few: this many rows are worth another thread.
constexpr int64_t kGrain = 8;

template <typename T, typename KV>
class RopeStore {
 public:
  explicit RopeStore(const RopeStoreRaggedArgs& args)
      : args_(args), dim_(args.shape.stored - kFactorElements<KV>), turned_(dim_) {}

  // Those rows of [begin, end) that belong to requests.
  void run(int64_t begin, int64_t end) {
    const RaggedBatch& batch = args_.batch;
    for (int64_t request = 0; request < batch.requests; ++request) {
      int64_t first = batch.offsets[request], last = batch.offsets[request + 1];
      for (int64_t row = std::max(begin, first); row < std::min(end, last); ++row)
        do_row(request, row, batch.past[request] + row - first);
    }
  }

 private:
  void do_row(int64_t request, int64_t row, int64_t position) {
    int64_t kv_heads = args_.shape.kv_heads, half = args_.half;
    const float* angles = args_.freqs_cis + position * half * 2;
    turn_heads(angles, half, args_.heads, static_cast<const T*>(args_.q) + row * args_.q_stride,
               static_cast<T*>(args_.out) + row * args_.heads * dim_, dim_);
    KV* blocks = static_cast<KV*>(args_.kv_blocks);
    KV* keys = token_of(blocks, args_.shape, args_.batch, request, position, 0, args_.layer);
    KV* values = token_of(blocks, args_.shape, args_.batch, request, position, 1, args_.layer);
    int64_t apart = args_.shape.head_stride;
    turn_heads(angles, half, kv_heads, static_cast<const T*>(args_.k) + row * args_.k_stride, keys, apart);
    turn_heads(nullptr, 0, kv_heads, static_cast<const T*>(args_.v) + row * args_.v_stride, values, apart);
  }

  // Heads are `apart` elements from one another where they go to.
  template <typename To>
  void turn_heads(const float* angles, int64_t half, int64_t heads, const T* from, To* to, int64_t apart) {
    for (int64_t head = 0; head < heads; ++head, from += dim_, to += apart) {
      if constexpr (kFactorElements<To> > 0) {
        turn_head(angles, half, from, turned_.data());
        store_entry(turned_.data(), dim_, to);
      } else {
        turn_head(angles, half, from, to);
      }
    }
  }

  // Elements beyond 2 * half are copied. Rounds to T first, as the reference does.
  template <typename To>
  void turn_head(const float* angles, int64_t half, const T* from, To* to) const {
    if (args_.interleaved)
      for (int64_t i = 0; i < half; ++i) turn(angles + 2 * i, from[2 * i], from[2 * i + 1], &to[2 * i], &to[2 * i + 1]);
    else
      for (int64_t i = 0; i < half; ++i) turn(angles + 2 * i, from[i], from[i + half], &to[i], &to[i + half]);
    for (int64_t i = 2 * half; i < dim_; ++i) store(load(from[i]), &to[i]);
  }

  template <typename To>
  static MAX_INLINE void turn(const float* angle, T a, T b, To* to_a, To* to_b) {
    float cos = angle[0], sin = angle[1], x = load(a), y = load(b);
    store(rounded<T>(x * cos - y * sin), to_a);
    store(rounded<T>(y * cos + x * sin), to_b);
  }

  const RopeStoreRaggedArgs& args_;
  int64_t dim_;
  std::vector<float> turned_;  // a head, where it becomes bytes
};

template <typename T, typename KV>
void rope_store(const RopeStoreRaggedArgs& args, Pool* pool) {
  int64_t rows = args.batch.offsets[args.batch.requests];
  parallel_for(pool, rows, kGrain,
               [&](int64_t begin, int64_t end) { RopeStore<T, KV>(args).run(begin, end); });
}

template <typename T>
void rope_store(const RopeStoreRaggedArgs& args, Pool* pool) {
  switch (args.kv_type) {
    case kFloat32: return rope_store<T, float>(args, pool);
    case kInt8: return rope_store<T, int8_t>(args, pool);
    default: return rope_store<T, bfloat16>(args, pool);
  }
}

}  // namespace

MAX_EXPORT void rope_store_ragged(const RopeStoreRaggedArgs* args, Pool* pool) {
  args->type == kFloat32 ? rope_store<float>(*args, pool) : rope_store<bfloat16>(*args, pool);
}
