// What adapters of low rank add to rows of results: y += scale * (x @ a) @ b, each row by its own adapter.
//
//   slots [rows]                       0: the row keeps its bits; s: it is of slot s - 1 of the tables below
//   a     [num_slots][inputs][rank]    `rank` a multiple of 16; columns beyond a slot's own rank are zero
//   b     [num_slots][panels][rank][16], panels of 16 outputs, so that it is read as one stream (rows of all
//         outputs would be read side by side, and where they are powers of two apart they share a cache's sets)
//
// Rows of a slot are computed some at a time. A row's sums are in an order of their own, so its bits depend
// neither on the rows beside it nor on the threads.

#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "elements.h"
#include "pool.h"
#include "scratch.h"
#include "simd.h"

struct LoraLinearArgs {
  void* y;        // [rows, outputs], changed in place
  const void* x;  // [rows, inputs]
  const int32_t* slots;
  const void* a;
  const void* b;
  const float* scales;       // [num_slots]
  const int32_t* ranks;      // [num_slots], 0 where the adapter has no product for this layer
  const float* affine;       // [num_slots][2][outputs]: factors of the sums, and what is added then
  const int32_t* is_affine;  // [num_slots]
  int64_t rows;
  int64_t inputs;
  int64_t outputs;
  int64_t rank;
  int64_t num_slots;
  max::ElementType type;         // of y and x
  max::ElementType adapter_type;  // of a and b
};

struct LoraEmbeddingArgs {
  void* y;             // [rows, outputs], changed in place
  const int64_t* ids;  // [rows]; one beyond the table adds nothing
  const int32_t* slots;
  const void* a;  // `inputs` is the size of the table
  const void* b;
  const float* scales;
  const int32_t* ranks;
  int64_t rows;
  int64_t inputs;
  int64_t outputs;
  int64_t rank;
  int64_t num_slots;
  max::ElementType type;         // of y
  max::ElementType adapter_type;  // of a and b
};

namespace max {

constexpr int64_t kRowsTogether = 8;
constexpr int64_t kPanel = 16;

// Elements of a slot's `b`.
inline int64_t elements_of_b(int64_t outputs, int64_t rank) {
  return (outputs + kPanel - 1) / kPanel * kPanel * rank;
}

// Rows of one slot.
struct RowsOfSlot {
  int64_t slot;  // counted from 0
  std::vector<int64_t> rows;
};

// The rows that have a slot, together with others of it, at most `most` at a time.
inline std::vector<RowsOfSlot> rows_by_slot(const int32_t* slots, int64_t rows, int64_t num_slots, int64_t most) {
  std::vector<RowsOfSlot> parts;
  std::vector<int64_t> open(num_slots, -1);  // the part of a slot that has room
  for (int64_t row = 0; row < rows; ++row) {
    int64_t slot = int64_t{slots[row]} - 1;
    if (slot < 0 || slot >= num_slots) continue;
    int64_t& part = open[slot];
    if (part < 0) {
      part = static_cast<int64_t>(parts.size());
      parts.push_back({slot, {}});
    }
    parts[part].rows.push_back(row);
    if (static_cast<int64_t>(parts[part].rows.size()) == most) part = -1;
  }
  return parts;
}

// As many rows of a slot at a time as leave something for every thread.
inline int64_t rows_together(Pool* pool, int64_t rows) {
  int64_t threads = pool == nullptr ? 1 : pool->threads;
  return std::clamp<int64_t>((rows + threads - 1) / threads, 1, kRowsTogether);
}

// The part of a vector that is there, and zeros.
template <typename T>
MAX_INLINE Floats load_some(const T* from, int64_t count) {
  T padded[kFloats] = {};
  std::copy_n(from, count, padded);
  return load_elements(padded);
}

template <typename T>
MAX_INLINE void store_some(T* to, Floats x, int64_t count) {
  T stored[kFloats];
  store_elements(stored, x);
  std::copy_n(stored, count, to);
}

// Memory is read as fast as it can only if it is asked for this many bytes ahead: a slot's part is too short for
// the processor to find out itself.
constexpr int64_t kFetchedAhead = 4096;

template <typename T>
MAX_INLINE void fetch_ahead(const T* from) {
  __builtin_prefetch(reinterpret_cast<const char*>(from) + kFetchedAhead);
}

// What one of `N` rows has: narrow [rank], floats. Sums of even and of odd inputs are kept apart, so that one
// does not wait for the other.
template <int64_t N, typename T>
void shrink(const float* const* x, const T* a, int64_t inputs, int64_t own_rank, int64_t rank, float scale,
            float* narrow) {
  for (int64_t column = 0; column < own_rank; column += kFloats) {
    Floats even[N], odd[N];
    for (int64_t n = 0; n < N; ++n) even[n] = odd[n] = zeros();
    int64_t input = 0;
    for (; input + 1 < inputs; input += 2) {
      Floats first = load_elements(a + input * rank + column);
      Floats second = load_elements(a + (input + 1) * rank + column);
      fetch_ahead(a + input * rank + column);
      for (int64_t n = 0; n < N; ++n) {
        even[n] = multiply_add(broadcast(x[n][input]), first, even[n]);
        odd[n] = multiply_add(broadcast(x[n][input + 1]), second, odd[n]);
      }
    }
    if (input < inputs) {
      Floats last = load_elements(a + input * rank + column);
      for (int64_t n = 0; n < N; ++n) even[n] = multiply_add(broadcast(x[n][input]), last, even[n]);
    }
    for (int64_t n = 0; n < N; ++n)
      store_floats(narrow + n * rank + column, multiply(broadcast(scale), add(even[n], odd[n])));
  }
}

// kVectors vectors of N rows, from `output` on: sums [N][kVectors] += narrow @ b.
template <int64_t N, int64_t kVectors, typename T>
MAX_INLINE void add_products(const float* narrow, const T* b, int64_t output, int64_t own_rank, int64_t rank,
                             Floats (&sums)[N][kVectors]) {
  for (int64_t j = 0; j < own_rank; ++j) {
    Floats weights[kVectors];
    for (int64_t v = 0; v < kVectors; ++v) {
      int64_t at = output + v * kFloats;
      const T* from = b + (at / kPanel * rank + j) * kPanel + at % kPanel;
      weights[v] = load_elements(from);
      fetch_ahead(from);
    }
    for (int64_t n = 0; n < N; ++n)
      for (int64_t v = 0; v < kVectors; ++v)
        sums[n][v] = multiply_add(broadcast(narrow[n * rank + j]), weights[v], sums[n][v]);
  }
}

// y = factor * (y + narrow @ b) + shift for N rows; `affine` is [2][outputs] or null.
template <int64_t N, typename T, typename A>
void expand(T* const* y, const float* narrow, const A* b, int64_t outputs, int64_t own_rank, int64_t rank,
            const float* affine) {
  constexpr int64_t kVectors = N > 4 ? 2 : 4;
  int64_t output = 0;
  for (; output + kVectors * kFloats <= outputs; output += kVectors * kFloats) {
    Floats sums[N][kVectors];
    for (int64_t n = 0; n < N; ++n)
      for (int64_t v = 0; v < kVectors; ++v) sums[n][v] = load_elements(y[n] + output + v * kFloats);
    add_products<N, kVectors>(narrow, b, output, own_rank, rank, sums);
    for (int64_t n = 0; n < N; ++n)
      for (int64_t v = 0; v < kVectors; ++v) {
        int64_t at = output + v * kFloats;
        if (affine != nullptr)
          sums[n][v] = multiply_add(load_floats(affine + at), sums[n][v], load_floats(affine + outputs + at));
        store_elements(y[n] + at, sums[n][v]);
      }
  }
  for (; output < outputs; output += kFloats) {
    int64_t count = std::min(kFloats, outputs - output);
    Floats sums[N][1];
    for (int64_t n = 0; n < N; ++n) sums[n][0] = load_some(y[n] + output, count);
    add_products<N, 1>(narrow, b, output, own_rank, rank, sums);
    for (int64_t n = 0; n < N; ++n) {
      if (affine != nullptr)
        sums[n][0] = multiply_add(load_some(affine + output, count), sums[n][0],
                                  load_some(affine + outputs + output, count));
      store_some(y[n] + output, sums[n][0], count);
    }
  }
}

// Calls f with zeros of the types of activations and of adapters' elements, of which float32 and bfloat16 are.
template <typename F>
MAX_INLINE void with_types(ElementType type, ElementType adapter_type, const F& f) {
  auto with = [&](auto activation) {
    return adapter_type == kFloat32 ? f(activation, float{}) : f(activation, bfloat16{});
  };
  return type == kFloat32 ? with(float{}) : with(bfloat16{});
}

// Calls f with the number of rows, 1 to kRowsTogether, as a constant.
template <int64_t N = kRowsTogether, typename F>
MAX_INLINE void with_rows(int64_t rows, const F& f) {
  if constexpr (N > 0) {
    if (rows == N) return f(std::integral_constant<int64_t, N>{});
    with_rows<N - 1>(rows, f);
  }
}

}  // namespace max
