// max::rope_store_ragged on the CPU: turns queries and keys, writes keys and values to their pages.

#include "../include/elements.h"
#include "../include/paging.h"

namespace {

using namespace max;

// The angles of a position, and which elements of a head are a pair.
struct Turn {
  const float* angles;  // [half, 2], cosine and sine
  int64_t half;
  int64_t head_dim;
  bool interleaved;
};

// One head; elements beyond 2 * half are copied. Rounds to From first, as the reference does.
template <typename From, typename To>
MAX_INLINE void turn_head(const Turn& turn, const From* from, To* to) {
  for (int64_t i = 0; i < turn.half; ++i) {
    int64_t a = turn.interleaved ? 2 * i : i, b = turn.interleaved ? 2 * i + 1 : i + turn.half;
    float cos = turn.angles[2 * i], sin = turn.angles[2 * i + 1];
    float x = load(from[a]), y = load(from[b]);
    store(rounded<From>(x * cos - y * sin), &to[a]);
    store(rounded<From>(y * cos + x * sin), &to[b]);
  }
  for (int64_t i = 2 * turn.half; i < turn.head_dim; ++i) store(load(from[i]), &to[i]);
}

struct Task {
  RaggedBatch batch;
  CacheShape shape;
  int64_t layer;
  int64_t heads;
  const float* freqs_cis;  // [positions, half, 2]
  int64_t half;
  bool interleaved;
};

// q: [rows, heads * head_dim]; k and v: [rows, kv_heads * head_dim].
template <typename T, typename KV>
MAX_INLINE void rope_store(const Task& task, const T* q, const T* k, const T* v, KV* kv_blocks,
                           T* out) {
  const RaggedBatch& batch = task.batch;
  int64_t dim = task.shape.head_dim, kv_heads = task.shape.kv_heads;
  for (int64_t request = 0; request < batch.requests; ++request) {
    int64_t begin = batch.offsets[request], end = batch.offsets[request + 1];
    for (int64_t row = begin; row < end; ++row) {
      int64_t position = batch.past[request] + row - begin;
      Turn turn{task.freqs_cis + position * task.half * 2, task.half, dim, task.interleaved};
      for (int64_t head = 0; head < task.heads; ++head) {
        int64_t at = (row * task.heads + head) * dim;
        turn_head(turn, q + at, out + at);
      }
      KV* keys = token_of(kv_blocks, task.shape, batch, request, position, 0, task.layer);
      KV* values = token_of(kv_blocks, task.shape, batch, request, position, 1, task.layer);
      for (int64_t head = 0; head < kv_heads; ++head)
        turn_head(turn, k + (row * kv_heads + head) * dim, keys + head * dim);
      for (int64_t i = 0; i < kv_heads * dim; ++i)
        store(load(v[row * kv_heads * dim + i]), &values[i]);
    }
  }
}

using Run = void (*)(const Task&, const void*, const void*, const void*, void*, void*);

#define MAX_RUN(name, T, KV)                                                                      \
  void name(const Task& task, const void* q, const void* k, const void* v,             \
                       void* kv_blocks, void* out) {                                              \
    rope_store(task, static_cast<const T*>(q), static_cast<const T*>(k), static_cast<const T*>(v), \
               static_cast<KV*>(kv_blocks), static_cast<T*>(out));                                \
  }

MAX_RUN(rope_store_float32_float32, float, float)
MAX_RUN(rope_store_float32_bfloat16, float, bfloat16)
MAX_RUN(rope_store_bfloat16_float32, bfloat16, float)
MAX_RUN(rope_store_bfloat16_bfloat16, bfloat16, bfloat16)

}  // namespace

// See op.py. The flags say which tensors are bfloat16.
MAX_EXPORT void rope_store_ragged(const void* q, const void* k, const void* v, void* kv_blocks,
                                  void* out, const uint32_t* offsets, const uint32_t* past,
                                  const uint32_t* lookup, const float* freqs_cis, int64_t requests,
                                  int64_t lookup_width, int64_t layers, int64_t page_size,
                                  int64_t kv_heads, int64_t head_dim, int64_t layer, int64_t heads,
                                  int64_t half, bool interleaved, bool q_is_bfloat16,
                                  bool kv_is_bfloat16) {
  constexpr Run runs[2][2] = {{rope_store_float32_float32, rope_store_float32_bfloat16},
                              {rope_store_bfloat16_float32, rope_store_bfloat16_bfloat16}};
  Task task{{offsets, past, lookup, requests, lookup_width},
            {layers, page_size, kv_heads, head_dim},
            layer,
            heads,
            freqs_cis,
            half,
            interleaved};
  runs[q_is_bfloat16][kv_is_bfloat16](task, q, k, v, kv_blocks, out);
}
