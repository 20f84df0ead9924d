// max::saved_embedding on the CPU (saved_weights.h).

#include "../include/saved_weights.h"

namespace {

using namespace max;

template <typename T, typename A>
void run(const SavedEmbeddingArgs& args) {
  for (int64_t row = 0; row < args.rows; ++row) {
    int64_t slot = int64_t{args.slots[row]} - 1, id = args.ids[row];
    if (slot < 0 || slot >= args.num_slots || id < 0 || id >= args.inputs || !args.is_saved[slot]) continue;
    const A* from = static_cast<const A*>(args.tables) + (slot * args.inputs + id) * args.outputs;
    T* to = static_cast<T*>(args.y) + row * args.outputs;
    for (int64_t i = 0; i < args.outputs; ++i) store(load(from[i]), to + i);
  }
}

}  // namespace

MAX_EXPORT void saved_embedding(const SavedEmbeddingArgs* args, Pool*) {
  with_types(args->type, args->adapter_type,
             [&](auto activation, auto element) { run<decltype(activation), decltype(element)>(*args); });
}
