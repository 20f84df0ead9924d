// max::flash_attention_ragged on the CPU: reads the paged cache in place.
//
// Each row is attended by itself, its sums in a fixed order: a row's result depends neither on the
// batch, nor on how its prompt was cut in chunks, nor on the number of threads.

#include <algorithm>
#include <limits>
#include <thread>
#include <vector>

#include "../include/elements.h"
#include "../include/paging.h"

namespace {

using namespace max;

struct Task {
  RaggedBatch batch;
  CacheShape shape;
  int64_t layer;
  int64_t heads;
  float scale;
  bool causal;
  int64_t window;  // positions that a row sees, itself included; 0 for all
};

template <typename T>
MAX_INLINE float dot(const float* a, const T* b, int64_t n) {
  float lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += a[i + lane] * load(b[i + lane]);
  for (; i < n; ++i) lanes[i % kLanes] += a[i] * load(b[i]);
  return sum_lanes(lanes);
}

// e^x for x <= 0, to about 1e-7 of it: Cephes' polynomial, in operations that vectorise.
MAX_INLINE float exp_of_negative(float x) {
  constexpr float kLog2E = 1.44269504f, kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // adding and subtracting it rounds to an integer
  x = x < -87.0f ? -87.0f : x;
  float power = (x * kLog2E + kRound) - kRound;
  float r = x - power * kLn2High - power * kLn2Low;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  int32_t bits = (static_cast<int32_t>(power) + 127) << 23;
  float scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return p * scale;
}

MAX_INLINE void softmax(float* row, int64_t n) {
  float lanes[kLanes];
  std::fill(lanes, lanes + kLanes, row[0]);
  int64_t whole = n - n % kLanes;
  for (int64_t i = 0; i < whole; i += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] = row[i + lane] > lanes[lane] ? row[i + lane] : lanes[lane];
  float most = *std::max_element(lanes, lanes + kLanes);
  for (int64_t i = whole; i < n; ++i) most = std::max(most, row[i]);
  std::fill(lanes, lanes + kLanes, 0.0f);
  for (int64_t i = 0; i < whole; i += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] += row[i + lane] = exp_of_negative(row[i + lane] - most);
  for (int64_t i = whole; i < n; ++i)
    lanes[i - whole] += row[i] = exp_of_negative(row[i] - most);
  float scale = 1.0f / sum_lanes(lanes);
  for (int64_t i = 0; i < n; ++i) row[i] *= scale;
}

// Adds weighted rows to `sums`, `kWidth` columns at a time, so that the sums stay in registers.
template <int64_t kWidth, typename T>
MAX_INLINE void add_weighted(const float* weights, const T* rows, int64_t stride, int64_t n,
                             float* sums) {
  float kept[kWidth];
  for (int64_t i = 0; i < kWidth; ++i) kept[i] = sums[i];
  for (int64_t t = 0; t < n; ++t)
    for (int64_t i = 0; i < kWidth; ++i) kept[i] += weights[t] * load(rows[t * stride + i]);
  for (int64_t i = 0; i < kWidth; ++i) sums[i] = kept[i];
}

template <typename T>
MAX_INLINE void add_weighted(const float* weights, const T* rows, int64_t stride, int64_t n,
                             float* sums, int64_t width) {
  int64_t i = 0;
  for (; i + 64 <= width; i += 64) add_weighted<64>(weights, rows + i, stride, n, sums + i);
  for (; i + 16 <= width; i += 16) add_weighted<16>(weights, rows + i, stride, n, sums + i);
  for (; i < width; ++i) add_weighted<1>(weights, rows + i, stride, n, sums + i);
}

// The query heads of one KV head over the tokens [first, last) of one request.
//   queries: float [group, head_dim]; scores: room for [group, last - first]; out: [group, head_dim]
template <typename Q, typename KV>
MAX_INLINE void attend_group(const Task& task, const KV* kv_blocks, int64_t request, int64_t kv_head,
                             int64_t first, int64_t last, const float* queries, float* scores,
                             float* sums, Q* out) {
  const CacheShape& shape = task.shape;
  int64_t dim = shape.head_dim, group = task.heads / shape.kv_heads, seen = last - first;
  for (int64_t t = 0; t < seen; ++t) {
    const KV* key = token_of(kv_blocks, shape, task.batch, request, first + t, 0, task.layer);
    for (int64_t g = 0; g < group; ++g)
      scores[g * seen + t] = dot(queries + g * dim, key + kv_head * dim, dim) * task.scale;
  }
  for (int64_t g = 0; g < group; ++g) softmax(scores + g * seen, seen);
  std::fill(sums, sums + group * dim, 0.0f);
  for (int64_t t = 0; t < seen;) {
    // The tokens of a page follow each other in memory.
    int64_t n = std::min(seen - t, shape.page_size - (first + t) % shape.page_size);
    const KV* values = token_of(kv_blocks, shape, task.batch, request, first + t, 1, task.layer);
    for (int64_t g = 0; g < group; ++g)
      add_weighted(scores + g * seen + t, values + kv_head * dim, shape.kv_heads * dim, n,
                   sums + g * dim, dim);
    t += n;
  }
  for (int64_t i = 0; i < group * dim; ++i) store(sums[i], &out[i]);
}

// The rows of the batch whose number is `part` modulo `parts`.
template <typename Q, typename KV>
MAX_INLINE void attend_rows(const Task& task, const Q* q, const KV* kv_blocks, Q* out, int64_t part,
                            int64_t parts) {
  const RaggedBatch& batch = task.batch;
  int64_t dim = task.shape.head_dim, group = task.heads / task.shape.kv_heads;
  int64_t width = task.heads * dim;
  std::vector<float> queries(width), scores, sums(group * dim);
  for (int64_t request = 0; request < batch.requests; ++request) {
    int64_t begin = batch.offsets[request], end = batch.offsets[request + 1];
    int64_t tokens = batch.past[request] + end - begin;
    scores.resize(std::max<size_t>(scores.size(), group * tokens));
    for (int64_t row = begin; row < end; ++row) {
      if (row % parts != part) continue;
      int64_t position = batch.past[request] + row - begin;
      int64_t last = task.causal ? position + 1 : tokens;
      int64_t first = task.window ? std::max<int64_t>(0, position - task.window + 1) : 0;
      for (int64_t i = 0; i < width; ++i) queries[i] = load(q[row * width + i]);
      for (int64_t head = 0; head < task.shape.kv_heads; ++head)
        attend_group(task, kv_blocks, request, head, first, last, &queries[head * group * dim],
                     scores.data(), sums.data(), out + row * width + head * group * dim);
    }
  }
}

using Part = void (*)(const Task&, const void*, const void*, void*, int64_t, int64_t);

// Threads cost about as much as this many multiplications.
constexpr int64_t kWorthThreads = 1 << 20;

void run(Part attend, const Task& task, const void* q, const void* kv_blocks, void* out,
         int64_t threads) {
  int64_t work = 0;
  for (int64_t i = 0; i < task.batch.requests; ++i) {
    int64_t rows = task.batch.offsets[i + 1] - task.batch.offsets[i];
    work += rows * (task.batch.past[i] + rows) * task.heads * task.shape.head_dim;
  }
  int64_t parts = work < kWorthThreads ? 1 : threads;
  std::vector<std::thread> others;
  for (int64_t part = 1; part < parts; ++part)
    others.emplace_back(attend, task, q, kv_blocks, out, part, parts);
  attend(task, q, kv_blocks, out, 0, parts);
  for (std::thread& other : others) other.join();
}

#define MAX_PART(name, Q, KV)                                                                   \
  void name(const Task& task, const void* q, const void* kv_blocks, void* out,       \
                       int64_t part, int64_t parts) {                                           \
    attend_rows(task, static_cast<const Q*>(q), static_cast<const KV*>(kv_blocks),              \
                static_cast<Q*>(out), part, parts);                                             \
  }

MAX_PART(attend_float32_float32, float, float)
MAX_PART(attend_float32_bfloat16, float, bfloat16)
MAX_PART(attend_bfloat16_float32, bfloat16, float)
MAX_PART(attend_bfloat16_bfloat16, bfloat16, bfloat16)

}  // namespace

// q and out: [rows, heads * head_dim]; see op.py. The flags say which tensors are bfloat16.
MAX_EXPORT void flash_attention_ragged(const void* q, const void* kv_blocks, void* out,
                                       const uint32_t* offsets, const uint32_t* past,
                                       const uint32_t* lookup, int64_t requests,
                                       int64_t lookup_width, int64_t layers, int64_t page_size,
                                       int64_t kv_heads, int64_t head_dim, int64_t layer,
                                       int64_t heads, float scale, bool causal, int64_t window,
                                       bool q_is_bfloat16, bool kv_is_bfloat16, int64_t threads) {
  constexpr Part parts[2][2] = {{attend_float32_float32, attend_float32_bfloat16},
                                {attend_bfloat16_float32, attend_bfloat16_bfloat16}};
  Task task{{offsets, past, lookup, requests, lookup_width},
            {layers, page_size, kv_heads, head_dim},
            layer,
            heads,
            scale,
            causal,
            window};
  run(parts[q_is_bfloat16][kv_is_bfloat16], task, q, kv_blocks, out, threads);
}
