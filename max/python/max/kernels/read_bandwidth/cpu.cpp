// Reads memory and nothing else, as fast as kernels that stream weights could.

#include "../include/pool.h"
#include "../include/simd.h"

namespace max {

struct ReadBandwidthArgs {
  const void* data;
  int64_t bytes;
  uint32_t* sums;  // one per MiB, so that the reading is not left out
};

}  // namespace max

using namespace max;

MAX_EXPORT void read_bandwidth(const ReadBandwidthArgs* args, Pool* pool) {
  constexpr int64_t piece = 1 << 20, vectors = 8, step = vectors * sizeof(Words);
  parallel_for(pool, args->bytes / piece, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const char* from = static_cast<const char*>(args->data) + i * piece;
      Words found[vectors];
      for (int64_t v = 0; v < vectors; ++v) found[v] = broadcast_word(0);
      for (int64_t at = 0; at < piece; at += step)
        for (int64_t v = 0; v < vectors; ++v)
          found[v] = found[v] | load_words(from + at + v * sizeof(Words));
      uint32_t words[sizeof(found) / 4], all = 0;
      std::memcpy(words, found, sizeof found);
      for (uint32_t word : words) all |= word;
      args->sums[i] = all;
    }
  });
}
