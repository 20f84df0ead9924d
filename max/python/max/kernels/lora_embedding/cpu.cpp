// max::lora_embedding on the CPU (lora.h).

#include "../include/lora.h"

namespace {

using namespace max;

template <typename T, typename A>
void run(const LoraEmbeddingArgs& args, Pool* pool) {
  parallel_for(pool, args.rows, kRowsTogether, [&](int64_t begin, int64_t end) {
    Scratch<float> narrow(args.rank);
    for (int64_t row = begin; row < end; ++row) {
      int64_t slot = int64_t{args.slots[row]} - 1, id = args.ids[row];
      if (slot < 0 || slot >= args.num_slots || id < 0 || id >= args.inputs) continue;
      int64_t own_rank = args.ranks[slot];
      if (own_rank == 0) continue;
      const A* a = static_cast<const A*>(args.a) + (slot * args.inputs + id) * args.rank;
      for (int64_t j = 0; j < own_rank; ++j) narrow.data()[j] = args.scales[slot] * load(a[j]);
      const A* b = static_cast<const A*>(args.b) + slot * elements_of_b(args.outputs, args.rank);
      T* y = static_cast<T*>(args.y) + row * args.outputs;
      expand<1, T, A>(&y, narrow.data(), b, args.outputs, own_rank, args.rank, nullptr);
    }
  });
}

}  // namespace

MAX_EXPORT void lora_embedding(const LoraEmbeddingArgs* args, Pool* pool) {
  with_types(args->type, args->adapter_type,
             [&](auto activation, auto element) { run<decltype(activation), decltype(element)>(*args, pool); });
}
