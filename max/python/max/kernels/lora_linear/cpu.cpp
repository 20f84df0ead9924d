// max::lora_linear on the CPU (lora.h).

#include "../include/lora.h"

namespace {

using namespace max;

template <typename T, typename A>
void add_part(const LoraLinearArgs& args, const RowsOfSlot& part) {
  int64_t slot = part.slot, own_rank = args.ranks[slot], count = static_cast<int64_t>(part.rows.size());
  const float* affine = args.is_affine[slot] ? args.affine + slot * 2 * args.outputs : nullptr;
  if (own_rank == 0 && affine == nullptr) return;
  Scratch<float> wide(count * args.inputs), narrow(count * args.rank);
  const float* x[kRowsTogether];
  T* y[kRowsTogether];
  for (int64_t n = 0; n < count; ++n) {
    float* to = wide.data() + n * args.inputs;
    const T* from = static_cast<const T*>(args.x) + part.rows[n] * args.inputs;
    for (int64_t i = 0; i < args.inputs; ++i) to[i] = load(from[i]);
    x[n] = to;
    y[n] = static_cast<T*>(args.y) + part.rows[n] * args.outputs;
  }
  const A* a = static_cast<const A*>(args.a) + slot * args.inputs * args.rank;
  const A* b = static_cast<const A*>(args.b) + slot * elements_of_b(args.outputs, args.rank);
  with_rows(count, [&](auto rows) {
    constexpr int64_t kRows = decltype(rows)::value;
    shrink<kRows, A>(x, a, args.inputs, own_rank, args.rank, args.scales[slot], narrow.data());
    expand<kRows, T, A>(y, narrow.data(), b, args.outputs, own_rank, args.rank, affine);
  });
}

template <typename T, typename A>
void run(const LoraLinearArgs& args, Pool* pool) {
  int64_t most = rows_together(pool, args.rows);
  std::vector<RowsOfSlot> parts = rows_by_slot(args.slots, args.rows, args.num_slots, most);
  parallel_for(pool, static_cast<int64_t>(parts.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) add_part<T, A>(args, parts[i]);
  });
}

}  // namespace

MAX_EXPORT void lora_linear(const LoraLinearArgs* args, Pool* pool) {
  bool is_base = std::all_of(args->slots, args->slots + args->rows, [](int32_t slot) { return slot == 0; });
  if (is_base) return;
  with_types(args->type, args->adapter_type,
             [&](auto activation, auto element) { run<decltype(activation), decltype(element)>(*args, pool); });
}
