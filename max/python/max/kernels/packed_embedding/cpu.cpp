// max::packed_embedding on the CPU: copies rows out of the panels of a packed weight.

#include "../include/embedding.h"
#include "../include/packed_linear.h"

namespace {

using namespace max;

template <typename Element>
void gather(const PackedEmbeddingArgs& args, Pool* pool) {
  constexpr int64_t per_group = kGroupBytes / sizeof(Element);
  int64_t groups = groups_of(args.type, args.columns);
  embed<Element>(args, pool, [&](int64_t row, Element* to) {
    const Element* from = static_cast<const Element*>(args.packed) +
                          (row / kPanel * groups * kPanel + row % kPanel) * per_group;
    for (int64_t k = 0; k < args.columns; ++k)
      to[k] = from[k / per_group * kPanel * per_group + k % per_group];
  });
}

}  // namespace

MAX_EXPORT void packed_embedding(const PackedEmbeddingArgs* args, Pool* pool) {
  if (args->type == kFloat32)
    gather<float>(*args, pool);
  else
    gather<bfloat16>(*args, pool);
}
