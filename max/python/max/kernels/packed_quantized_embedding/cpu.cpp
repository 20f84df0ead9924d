// max::packed_quantized_embedding on the CPU: decodes rows out of the panels of a packed weight.

#include "../include/embedding.h"
#include "../include/packed_quantized_linear.h"

namespace {

using namespace max;

template <typename E, typename Element>
void decode_row(const PackedQuantizedEmbeddingArgs& args, int64_t row, Element* to) {
  int64_t units = args.columns / unit_elements<E>(), output = row % kOutputs;
  auto unit = static_cast<const uint8_t*>(args.packed) + row / kOutputs * units * E::kUnit;
  for (int64_t u = 0; u < units; ++u, unit += E::kUnit)
    for (int64_t sub = 0; sub < E::kSubs; ++sub, to += kBlockElements) {
      const uint8_t* block = unit + E::kHeader + sub * E::kBlock;
      uint8_t elements[kBlockElements];
      E::Elements::get(block + E::kElementsAt, output, elements);
      for (int64_t i = 0; i < kBlockElements; ++i)
        store(E::value(unit, sub, output, i, elements[i]), &to[i]);
    }
}

template <typename Element>
void gather(const PackedQuantizedEmbeddingArgs& args, Pool* pool) {
  embed<Element>(args, pool, [&](int64_t row, Element* to) {
    with_encoding(args.encoding, [&](auto e) { decode_row<decltype(e)>(args, row, to); });
  });
}

}  // namespace

MAX_EXPORT void packed_quantized_embedding(const PackedQuantizedEmbeddingArgs* args, Pool* pool) {
  if (args->type == kFloat32)
    gather<float>(*args, pool);
  else
    gather<bfloat16>(*args, pool);
}
