// max::packed_quantized_embedding on the CPU: decodes rows out of the panels of a packed weight.

#include "../include/packed_quantized_linear.h"
#include "../include/pool.h"

namespace {

using namespace max;

template <typename E, typename Element>
void decode_row(const PackedQuantizedEmbeddingArgs& args, int64_t row, Element* to) {
  int64_t units = args.columns / unit_elements<E>(), output = row % kPanel;
  auto unit = static_cast<const uint8_t*>(args.packed) + row / kPanel * units * unit_bytes<E>();
  for (int64_t u = 0; u < units; ++u, unit += unit_bytes<E>())
    for (int64_t sub = 0; sub < E::kSubs; ++sub, to += kBlockElements) {
      const uint8_t* block = unit + E::kHeader + sub * E::kBlock;
      uint8_t elements[kBlockElements];
      E::Elements::get(block + E::kElementsAt, output, elements);
      for (int64_t i = 0; i < kBlockElements; ++i)
        store(E::value(unit, block, output, i, elements[i]), &to[i]);
    }
}

template <typename Element>
void gather(const PackedQuantizedEmbeddingArgs& args, Pool* pool) {
  parallel_for(pool, args.count, 8, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      int64_t row = args.indices[i] < 0 ? args.indices[i] + args.rows : args.indices[i];
      Element* to = static_cast<Element*>(args.out) + i * args.columns;
      with_encoding(args.encoding, [&](auto e) { decode_row<decltype(e)>(args, row, to); });
    }
  });
}

}  // namespace

MAX_EXPORT void packed_quantized_embedding(const PackedQuantizedEmbeddingArgs* args, Pool* pool) {
  if (args->type == kFloat32)
    gather<float>(*args, pool);
  else
    gather<bfloat16>(*args, pool);
}
