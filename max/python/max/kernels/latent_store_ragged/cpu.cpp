// max::latent_store_ragged on the CPU.

#include "../include/latent_store_ragged.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "../include/cache_entries.h"
#include "../include/pool.h"

namespace {

using namespace max;

// Elements of a row are few: this many rows are worth another thread.
constexpr int64_t kGrain = 4;

template <typename T, typename KV>
class LatentStore {
 public:
  explicit LatentStore(const LatentStoreRaggedArgs& args)
      : args_(args), entry_(args.rank + args.turned) {}

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
    int64_t rank = args_.rank, width = rank + args_.turned;
    const float* angles = args_.freqs_cis + position * args_.turned;
    const T* kv = static_cast<const T*>(args_.kv) + row * args_.kv_stride;
    KV* entry = token_of(static_cast<KV*>(args_.kv_blocks), args_.shape, args_.batch, request, position, 0, args_.layer);
    if constexpr (kFactorElements<KV> > 0) {
      write(angles, kv, entry_.data());
      store_entry(entry_.data(), width, entry);
    } else {
      write(angles, kv, entry);
    }
    const T* q = static_cast<const T*>(args_.q) + row * args_.q_stride;
    const T* absorbed = static_cast<const T*>(args_.absorbed) + row * args_.heads * rank;
    T* out = static_cast<T*>(args_.out) + row * args_.heads * width;
    for (int64_t head = 0; head < args_.heads; ++head) {
      std::memcpy(out, absorbed, rank * sizeof(T));
      turn(angles, q + args_.q_width - args_.turned, out + rank);
      q += args_.q_width, absorbed += rank, out += width;
    }
  }

  template <typename To>
  void write(const float* angles, const T* from, To* to) const {
    normalize(from, to);
    turn(angles, from + args_.rank, to + args_.rank);
  }

  // An RMS norm that rounds before it multiplies.
  template <typename To>
  void normalize(const T* from, To* to) const {
    const T* weight = static_cast<const T*>(args_.weight);
    float lanes[kLanes] = {};
    for (int64_t i = 0; i < args_.rank; ++i) {
      float x = load(from[i]);
      lanes[i % kLanes] += x * x;
    }
    float factor = 1.0f / std::sqrt(sum_lanes(lanes) / args_.rank + args_.eps);
    for (int64_t i = 0; i < args_.rank; ++i)
      store(rounded<T>(load(weight[i]) * rounded<T>(load(from[i]) * factor)), &to[i]);
  }

  template <typename To>
  void turn(const float* angles, const T* from, To* to) const {
    int64_t half = args_.turned / 2, step = args_.interleaved ? 2 : 1, apart = args_.interleaved ? 1 : half;
    for (int64_t i = 0; i < half; ++i) {
      float cos = angles[2 * i], sin = angles[2 * i + 1];
      float a = load(from[i * step]), b = load(from[i * step + apart]);
      store(rounded<T>(a * cos - b * sin), &to[i * step]);
      store(rounded<T>(b * cos + a * sin), &to[i * step + apart]);
    }
  }

  const LatentStoreRaggedArgs& args_;
  std::vector<float> entry_;  // where it becomes bytes
};

template <typename T, typename KV>
void latent_store(const LatentStoreRaggedArgs& args, Pool* pool) {
  int64_t rows = args.batch.offsets[args.batch.requests];
  parallel_for(pool, rows, kGrain,
               [&](int64_t begin, int64_t end) { LatentStore<T, KV>(args).run(begin, end); });
}

template <typename T>
void latent_store(const LatentStoreRaggedArgs& args, Pool* pool) {
  switch (args.kv_type) {
    case kFloat32: return latent_store<T, float>(args, pool);
    case kInt8: return latent_store<T, int8_t>(args, pool);
    default: return latent_store<T, bfloat16>(args, pool);
  }
}

}  // namespace

MAX_EXPORT void latent_store_ragged(const LatentStoreRaggedArgs* args, Pool* pool) {
  args->type == kFloat32 ? latent_store<float>(*args, pool) : latent_store<bfloat16>(*args, pool);
}
