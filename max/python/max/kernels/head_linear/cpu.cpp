// max::head_linear on the CPU: the products of all heads are one job.

#include "../include/head_linear.h"

#include <vector>

#include "../include/elements.h"

namespace {

using namespace max;

template <typename Element>
void run(const HeadLinearArgs& args, Pool* pool) {
  if (args.rows == 0) return;
  auto encoding = static_cast<Encoding>(args.encoding);
  std::vector<PackedWeight> weights(args.heads);
  std::vector<PackedLinearArgs> calls;
  for (int64_t head = 0; head < args.heads; ++head) {
    weights[head] = {static_cast<const char*>(args.packed) + head * args.bytes, nullptr,
                     static_cast<Element*>(args.out) + head * args.out_features, args.out_features,
                     args.heads * args.out_features, args.grid, encoding};
    calls.push_back({static_cast<const Element*>(args.x) + head * args.head_stride, args.rows, args.in_features,
                     args.x_stride, &weights[head], 1,
                     static_cast<char*>(args.workspace) + head * args.rows * args.row_bytes, args.type});
  }
  args.products(calls.data(), args.heads, pool);
}

}  // namespace

MAX_EXPORT void head_linear(const HeadLinearArgs* args, Pool* pool) {
  if (args->type == kFloat32)
    run<float>(*args, pool);
  else
    run<bfloat16>(*args, pool);
}
