// max::saved_linear on the CPU (saved_weights.h): a slot's rows together take some panels of its weight, which stay
// in cache for all of them.

#include "../include/saved_weights.h"

namespace {

using namespace max;

// Panels of a job: so many vectors of outputs that their sums do not wait for each other.
constexpr int64_t kPanelsTogether = 4;

template <typename T, typename A>
class SavedLinear {
 public:
  SavedLinear(const SavedLinearArgs& args, Pool* pool) : args_(args), pool_(pool) {}

  void run() {
    for (RowsOfSlot& of_slot : rows_by_slot(args_.slots, args_.rows, args_.num_slots, args_.rows))
      if (args_.is_saved[of_slot.slot]) saved_.push_back(std::move(of_slot));
    if (saved_.empty()) return;
    widen();
    int64_t jobs = (args_.outputs + kTogether - 1) / kTogether;
    parallel_for(pool_, static_cast<int64_t>(saved_.size()) * jobs, 1, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) multiply(saved_[i / jobs], i % jobs * kTogether);
    });
  }

 private:
  static constexpr int64_t kTogether = kPanelsTogether * kPanel;

  // The rows as floats.
  void widen() {
    wide_.resize(args_.rows * args_.inputs);
    parallel_for(pool_, static_cast<int64_t>(saved_.size()), 1, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i)
        for (int64_t row : saved_[i].rows) {
          const T* from = static_cast<const T*>(args_.x) + row * args_.inputs;
          float* to = wide_.data() + row * args_.inputs;
          for (int64_t k = 0; k < args_.inputs; ++k) to[k] = load(from[k]);
        }
    });
  }

  // All rows of a slot times the panels from `output` on.
  void multiply(const RowsOfSlot& of_slot, int64_t output) {
    const A* weight = static_cast<const A*>(args_.weights) + of_slot.slot * elements_of_b(args_.outputs, args_.inputs);
    int64_t count = std::min(kTogether, args_.outputs - output);
    int64_t rows = static_cast<int64_t>(of_slot.rows.size());
    for (int64_t first = 0; first < rows; first += kRowsTogether)
      with_rows(std::min(kRowsTogether, rows - first), [&](auto constant) {
        multiply_rows<decltype(constant)::value>(of_slot.rows.data() + first, weight, output, count);
      });
  }

  template <int64_t N>
  void multiply_rows(const int64_t* rows, const A* weight, int64_t output, int64_t count) {
    constexpr int64_t kVectors = N > 4 ? 2 : 4;
    const float* x[N];
    for (int64_t n = 0; n < N; ++n) x[n] = wide_.data() + rows[n] * args_.inputs;
    for (int64_t at = 0; at < count; at += kVectors * kFloats) {
      Floats sums[N][kVectors];
      for (int64_t n = 0; n < N; ++n)
        for (int64_t v = 0; v < kVectors; ++v) sums[n][v] = zeros();
      // Behind the last panel nothing is to be read; its own outputs are filled up.
      int64_t vectors = std::min(kVectors, (count - at + kFloats - 1) / kFloats);
      if (vectors == kVectors)
        add_up<N, kVectors>(x, weight, output + at, sums);
      else
        for (int64_t v = 0; v < vectors; ++v) {
          Floats sum[N][1];
          for (int64_t n = 0; n < N; ++n) sum[n][0] = zeros();
          add_up<N, 1>(x, weight, output + at + v * kFloats, sum);
          for (int64_t n = 0; n < N; ++n) sums[n][v] = sum[n][0];
        }
      for (int64_t n = 0; n < N; ++n)
        for (int64_t v = 0; v < vectors; ++v) {
          int64_t first = at + v * kFloats;
          store_some(static_cast<T*>(args_.y) + rows[n] * args_.outputs + output + first, sums[n][v],
                     std::min(kFloats, count - first));
        }
    }
  }

  // sums [N][kVectors] += x @ weight, of the vectors from `output` on.
  template <int64_t N, int64_t kVectors>
  MAX_INLINE void add_up(const float* const* x, const A* weight, int64_t output, Floats (&sums)[N][kVectors]) {
    const A* from[kVectors];
    for (int64_t v = 0; v < kVectors; ++v) {
      int64_t at = output + v * kFloats;
      from[v] = weight + at / kPanel * args_.inputs * kPanel + at % kPanel;
    }
    for (int64_t k = 0; k < args_.inputs; ++k) {
      Floats weights[kVectors];
      for (int64_t v = 0; v < kVectors; ++v) weights[v] = load_elements(from[v] + k * kPanel);
      for (int64_t n = 0; n < N; ++n)
        for (int64_t v = 0; v < kVectors; ++v)
          sums[n][v] = multiply_add(broadcast(x[n][k]), weights[v], sums[n][v]);
    }
  }

  const SavedLinearArgs& args_;
  Pool* pool_;
  std::vector<RowsOfSlot> saved_;
  std::vector<float> wide_;
};

}  // namespace

MAX_EXPORT void saved_linear(const SavedLinearArgs* args, Pool* pool) {
  bool is_base = std::all_of(args->slots, args->slots + args->rows, [](int32_t slot) { return slot == 0; });
  if (is_base) return;
  with_types(args->type, args->adapter_type, [&](auto activation, auto element) {
    SavedLinear<decltype(activation), decltype(element)>(*args, pool).run();
  });
}
