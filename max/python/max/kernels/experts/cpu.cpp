// max::experts on the CPU (include/experts.h): the products of all experts are one job.

#include "../include/experts.h"

#include <numeric>
#include <vector>

#include "../include/gated.h"

namespace {

using namespace max;

// What adapters add to gates, ups and downs: calls of `max::lora_linear`. Adapter s of expert e is number
// `(s - 1) * experts + e` of their tables; the numbers of the slots' adapters, from 1, all three read in `slots`.
struct ExpertAdapters {
  const int32_t* of_row;  // [rows], 0 for none; null without adapters
  int32_t* slots;         // [rows * top_k], filled here
  void (*add)(const void*, Pool*);
  const void *gates, *ups, *downs;  // arguments of `add`
};

struct AdaptedExpertsArgs {
  ExpertsArgs experts;
  ExpertAdapters adapters;
};

// The rows of one expert, as slots.
struct Group {
  int64_t expert, begin, end;
};

template <typename Element>
class Experts {
 public:
  Experts(const AdaptedExpertsArgs& args, Pool* pool)
      : args_(args.experts), adapters_(args.adapters), pool_(pool) {}

  void run() {
    order_slots();
    gather();
    name_adapters();
    multiply(args_.gathered, args_.in_features, args_.row_bytes_in,
             {{&args_.gate, args_.gates}, {&args_.up, args_.ups}}, args_.width);
    adapt(adapters_.gates);
    adapt(adapters_.ups);
    activate();
    multiply(args_.gates, args_.width, args_.row_bytes_width, {{&args_.down, args_.gathered}},
             args_.in_features);
    adapt(adapters_.downs);
    add_up();
  }

 private:
  struct Output {
    const ExpertMatrix* matrix;
    void* out;
  };

  int64_t expert_of(int64_t row, int64_t k) const {
    return static_cast<int64_t>(args_.routes[row * 2 * args_.top_k + k]);
  }
  float weight_of(int64_t row, int64_t k) const { return args_.routes[(row * 2 + 1) * args_.top_k + k]; }
  static Element* row_of(void* rows, int64_t row, int64_t size) {
    return static_cast<Element*>(rows) + row * size;
  }

  // Where each row's experts have their slots, and which are whose.
  void order_slots() {
    std::vector<int64_t> next(args_.experts + 1, 0);
    for (int64_t row = 0; row < args_.rows; ++row)
      for (int64_t k = 0; k < args_.top_k; ++k) ++next[expert_of(row, k) + 1];
    for (int64_t e = 0; e < args_.experts; ++e) args_.counts[e] += next[e + 1];
    std::partial_sum(next.begin(), next.end(), next.begin());
    for (int64_t e = 0; e < args_.experts; ++e)
      if (next[e] < next[e + 1]) groups_.push_back({e, next[e], next[e + 1]});
    for (int64_t row = 0; row < args_.rows; ++row)
      for (int64_t k = 0; k < args_.top_k; ++k) args_.slots[row * args_.top_k + k] = next[expert_of(row, k)]++;
  }

  // Copies each row to its slots.
  void gather() {
    int64_t size = args_.in_features;
    parallel_for(pool_, args_.rows, 16, [&](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row) {
        const Element* from = static_cast<const Element*>(args_.x) + row * args_.x_stride;
        for (int64_t k = 0; k < args_.top_k; ++k) {
          Element* to = row_of(args_.gathered, args_.slots[row * args_.top_k + k], size);
          if (!args_.scales_input) {
            std::memcpy(to, from, size * sizeof(Element));
            continue;
          }
          float weight = weight_of(row, k);
          for (int64_t i = 0; i < size; ++i) store(load(from[i]) * weight, to + i);
        }
      }
    });
  }

  // Every expert's slots times its matrices.
  void multiply(void* x, int64_t in_features, int64_t row_bytes, const std::vector<Output>& outputs,
                int64_t out_features) {
    std::vector<PackedWeight> weights;
    std::vector<PackedLinearArgs> calls;
    weights.reserve(groups_.size() * outputs.size());
    for (const Group& group : groups_) {
      const PackedWeight* first = weights.data() + weights.size();
      for (const Output& output : outputs) {
        const ExpertMatrix& matrix = *output.matrix;
        const Element* bias = static_cast<const Element*>(matrix.bias);
        weights.push_back({static_cast<const char*>(matrix.packed) + group.expert * matrix.bytes,
                           bias == nullptr ? nullptr : bias + group.expert * out_features,
                           row_of(output.out, group.begin, out_features), out_features, out_features,
                           matrix.grid, static_cast<Encoding>(matrix.encoding)});
      }
      calls.push_back({row_of(x, group.begin, in_features), group.end - group.begin, in_features, in_features,
                       first, static_cast<int64_t>(outputs.size()),
                       static_cast<char*>(args_.workspace) + group.begin * row_bytes, args_.type});
    }
    args_.products(calls.data(), static_cast<int64_t>(calls.size()), pool_);
  }

  // Which adapter, of which expert, each slot has.
  void name_adapters() {
    if (adapters_.of_row == nullptr) return;
    for (int64_t row = 0; row < args_.rows; ++row)
      for (int64_t k = 0; k < args_.top_k; ++k) {
        int64_t adapter = adapters_.of_row[row];
        int64_t number = adapter == 0 ? 0 : 1 + (adapter - 1) * args_.experts + expert_of(row, k);
        adapters_.slots[args_.slots[row * args_.top_k + k]] = static_cast<int32_t>(number);
      }
  }

  void adapt(const void* adapters) {
    if (adapters_.of_row != nullptr) adapters_.add(adapters, pool_);
  }

  void activate() {
    ElementwiseArgs both{};
    both.a = {args_.gates, args_.width, 1, args_.type};
    both.b = {args_.ups, args_.width, 1, args_.type};
    both.out = args_.gates;
    both.rows = args_.rows * args_.top_k;
    both.dim = args_.width;
    both.function = args_.activation;
    both.type = args_.type;
    if (args_.activation != kSwishPlusOne) return gate<Element>(both, pool_);
    float limit = args_.limit;
    map_two(both, pool_, [&](Floats gate, Floats up) MAX_INLINE_LAMBDA {
      if (limit > 0) {
        Floats most = broadcast(limit), least = broadcast(-limit);
        gate = gate > most ? most : gate;
        up = up < least ? least : up > most ? most : up;
      }
      Floats swish = gate * sigmoid(gate * broadcast(1.702f));
      return (up + broadcast(1.0f)) * swish;
    });
  }

  // A row's sum, of its experts in the order of its routes.
  void add_up() {
    int64_t size = args_.in_features;
    parallel_for(pool_, args_.rows, 4, [&](int64_t first, int64_t last) {
      std::vector<float> sum(size);
      for (int64_t row = first; row < last; ++row) {
        std::fill(sum.begin(), sum.end(), 0.0f);
        for (int64_t k = 0; k < args_.top_k; ++k) {
          const Element* from = row_of(args_.gathered, args_.slots[row * args_.top_k + k], size);
          float weight = args_.scales_input ? 1.0f : weight_of(row, k);
          for (int64_t i = 0; i < size; ++i) sum[i] += load(from[i]) * weight;
        }
        Element* to = row_of(args_.out, row, size);
        for (int64_t i = 0; i < size; ++i) store(sum[i], to + i);
      }
    });
  }

  const ExpertsArgs& args_;
  const ExpertAdapters& adapters_;
  Pool* pool_;
  std::vector<Group> groups_;
};

}  // namespace

MAX_EXPORT void experts(const AdaptedExpertsArgs* args, Pool* pool) {
  if (args->experts.type == kFloat32)
    Experts<float>(*args, pool).run();
  else
    Experts<bfloat16>(*args, pool).run();
}
