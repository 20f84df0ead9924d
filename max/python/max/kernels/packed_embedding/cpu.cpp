// max::packed_embedding on the CPU: copies rows out of the panels of a packed weight.

#include "../include/packed_linear.h"
#include "../include/pool.h"

namespace {

using namespace max;

template <typename Element>
void gather(const PackedEmbeddingArgs& args, Pool* pool) {
  constexpr int64_t per_group = kGroupBytes / sizeof(Element);
  int64_t groups = groups_of(args.type, args.columns);
  parallel_for(pool, args.count, 8, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      int64_t row = args.indices[i] < 0 ? args.indices[i] + args.rows : args.indices[i];
      const Element* from = static_cast<const Element*>(args.packed) +
                            (row / kPanel * groups * kPanel + row % kPanel) * per_group;
      Element* to = static_cast<Element*>(args.out) + i * args.columns;
      for (int64_t k = 0; k < args.columns; ++k)
        to[k] = from[k / per_group * kPanel * per_group + k % per_group];
    }
  });
}

}  // namespace

MAX_EXPORT void packed_embedding(const PackedEmbeddingArgs* args, Pool* pool) {
  if (args->type == kFloat32)
    gather<float>(*args, pool);
  else
    gather<bfloat16>(*args, pool);
}
