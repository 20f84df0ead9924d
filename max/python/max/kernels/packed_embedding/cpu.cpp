// max::packed_embedding on the CPU: rows out of the panels of a packed weight, decoded.

#include "../include/embedding.h"
#include "../include/packed_linear.h"
#include "../include/encodings.h"

namespace {

using namespace max;

// Elements as they are stored, of 16 or 32 bits; `convert` gives what they are in the result.
template <typename Stored, typename Element, typename Convert>
void gather_elements(const PackedEmbeddingArgs& args, Pool* pool, const Convert& convert) {
  constexpr int64_t per_group = kGroupBytes / sizeof(Stored);
  int64_t groups = groups_of(element_type(args.encoding), args.columns);
  embed<Element>(args, pool, [&](int64_t row, Element* to) {
    const Stored* from = static_cast<const Stored*>(args.packed) +
                         (row / kPanel * groups * kPanel + row % kPanel) * per_group;
    for (int64_t k = 0; k < args.columns; ++k)
      to[k] = convert(from[k / per_group * kPanel * per_group + k % per_group]);
  });
}

template <typename E, typename Element>
void decode_row(const PackedEmbeddingArgs& args, int64_t row, Element* to) {
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

template <typename E, typename Element>
void decode_grid_row(const PackedEmbeddingArgs& args, int64_t row, Element* to) {
  int64_t units = args.columns / kGridElements;
  auto unit = static_cast<const uint8_t*>(args.packed) + row / kOutputs * units * E::kUnit;
  for (int64_t u = 0; u < units; ++u, unit += E::kUnit)
    for_grid_elements<E>(unit, row % kOutputs, *args.grid, [&](float element) { store(element, to++); });
}

template <typename Element>
void gather(const PackedEmbeddingArgs& args, Pool* pool) {
  auto same = [](Element x) { return x; };
  auto half = [](uint16_t x) { return converted<Element>(float_of_half(x)); };
  if (!is_of_elements(args.encoding))
    embed<Element>(args, pool, [&](int64_t row, Element* to) {
      with_encoding(args.encoding, [&](auto e) {
        if constexpr (kHasGrid<decltype(e)>)
          decode_grid_row<decltype(e)>(args, row, to);
        else
          decode_row<decltype(e)>(args, row, to);
      });
    });
  else if (args.encoding == kOfFloat16)
    gather_elements<uint16_t, Element>(args, pool, half);
  else if (element_type(args.encoding) == args.type)
    gather_elements<Element, Element>(args, pool, same);
  else  // bfloat16 as float32
    gather_elements<bfloat16, Element>(args, pool, converted<Element, bfloat16>);
}

}  // namespace

MAX_EXPORT void packed_embedding(const PackedEmbeddingArgs* args, Pool* pool) {
  if (args->type == kFloat32)
    gather<float>(*args, pool);
  else
    gather<bfloat16>(*args, pool);
}
