// max::packed_linear on the CPU, and the packing of its weights (packed_linear.h).

#include "../include/packed_linear.h"

#include "../include/linear_of_blocks.h"
#include "../include/linear_of_elements.h"
#include "../include/several_products.h"

namespace {

using namespace max;

template <typename Element>
void run(const PackedLinearArgs& args, Pool* pool) {
  Encoding encoding = args.weights[0].encoding;
  if (!is_of_elements(encoding))
    LinearOfBlocks<Element>(args).run(pool);
  else if (encoding == kOfFloat16)
    LinearOfElements<MixedHalfGroups, Element>(args).run(pool);
  else if constexpr (std::is_same_v<Element, bfloat16>)
    LinearOfElements<Bfloat16Groups, Element>(args).run(pool);
  else if (encoding == kOfBfloat16)
    LinearOfElements<MixedBfloat16Groups, Element>(args).run(pool);
  else
    LinearOfElements<Float32Groups, Element>(args).run(pool);
}

}  // namespace

MAX_EXPORT void packed_linear(const PackedLinearArgs* args, Pool* pool) {
  if (args->type == kFloat32)
    run<float>(*args, pool);
  else
    run<bfloat16>(*args, pool);
}

MAX_EXPORT void packed_products(const PackedLinearArgs* calls, int64_t count, Pool* pool) {
  if (count == 0) return;
  if (calls->type == kFloat32)
    multiply_all<float>(calls, count, pool);
  else
    multiply_all<bfloat16>(calls, count, pool);
}

// Writes every byte of `packed`, which holds the panels.
MAX_EXPORT void packed_linear_pack(const PackArgs* args, Pool* pool) {
  if (!is_of_elements(args->encoding))
    with_encoding(args->encoding, [&](auto e) { pack_blocks<decltype(e)>(*args, pool); });
  else if (args->encoding == kOfFloat32)
    pack_elements<float>(*args, pool);
  else
    pack_elements<bfloat16>(*args, pool);
}
