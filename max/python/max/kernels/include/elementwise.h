// Arguments of `max::elementwise` and `max::gated`, and the loop that both are.

#pragma once

#include <type_traits>

#include "pool.h"
#include "simd.h"

namespace max {

// Element j of row i lies at i * row_stride + j * stride (elements).
struct ElementwiseOperand {
  const void* data;  // null: numbers[0] of the arguments
  int64_t row_stride;
  int64_t stride;  // 1, or 0 where a row has one element
  int64_t type;    // an ElementType
};

struct ElementwiseArgs {
  ElementwiseOperand a;
  ElementwiseOperand b;
  void* out;  // [rows, dim], contiguous
  int64_t rows;
  int64_t dim;
  float numbers[2];
  int32_t function;
  ElementType type;  // of out
};

// Elements of a row that are computed at a time: blocks of operands and result stay in the first cache.
constexpr int64_t kElementwiseBlock = 512;

// Calls f with a null pointer to the C++ type.
template <typename F>
void with_type(int64_t type, const F& f) {
  if (type == kFloat32) return f(static_cast<const float*>(nullptr));
  if (type == kBfloat16) return f(static_cast<const bfloat16*>(nullptr));
  return f(static_cast<const float16*>(nullptr));
}

// Elements of a block, and zeros to the end of its last vector.
constexpr int64_t padded(int64_t count) { return (count + kFloats - 1) / kFloats * kFloats; }

// Some elements of a row as floats: where they lie, or converted into a block.
inline const float* read_block(const ElementwiseOperand& x, const float* numbers, int64_t row,
                               int64_t begin, int64_t count, float* block) {
  int64_t at = row * x.row_stride + begin * x.stride;
  if (x.data == nullptr) return std::fill_n(block, padded(count), numbers[0]), block;
  if (x.type == kFloat32 && x.stride == 1 && count % kFloats == 0)
    return static_cast<const float*>(x.data) + at;
  with_type(x.type, [&](auto* typed) {
    auto* from = static_cast<decltype(typed)>(x.data) + at;
    if (x.stride == 0) return void(std::fill_n(block, padded(count), load(*from)));
    int64_t i = 0;
    for (; i + kFloats <= count; i += kFloats) store_floats(block + i, load_elements(from + i));
    if (i < count) store_floats(block + i, zeros());
    for (; i < count; ++i) block[i] = load(from[i]);
  });
  return block;
}

inline void write_block(const float* block, int64_t count, int64_t type, void* out, int64_t at) {
  with_type(type, [&](auto* typed) {
    using T = std::remove_const_t<std::remove_pointer_t<decltype(typed)>>;
    T* to = static_cast<T*>(out) + at;
    int64_t i = 0;
    for (; i + kFloats <= count; i += kFloats) store_elements(to + i, load_floats(block + i));
    for (; i < count; ++i) store(block[i], to + i);
  });
}

// Computes blocks of `padded(count)` floats.
using BlockFunction = void (*)(const void* f, const float* a, const float* b, float* out, int64_t count);

inline void for_each_block(const ElementwiseArgs& args, Pool* pool, bool of_two,
                           BlockFunction compute, const void* f) {
  constexpr int64_t elements = 1 << 14;  // that are worth another thread
  int64_t blocks = (args.dim + kElementwiseBlock - 1) / kElementwiseBlock;
  int64_t grain = elements / std::clamp<int64_t>(args.dim, 1, kElementwiseBlock);
  parallel_for(pool, args.rows * blocks, grain, [&](int64_t first, int64_t last) {
    alignas(64) float buffers[3][kElementwiseBlock];
    for (int64_t item = first; item < last; ++item) {
      int64_t row = item / blocks, begin = item % blocks * kElementwiseBlock;
      int64_t count = std::min(kElementwiseBlock, args.dim - begin), at = row * args.dim + begin;
      const float* a = read_block(args.a, args.numbers, row, begin, count, buffers[0]);
      const float* b = of_two ? read_block(args.b, args.numbers, row, begin, count, buffers[1]) : a;
      bool in_place = args.type == kFloat32 && count % kFloats == 0;
      float* out = in_place ? static_cast<float*>(args.out) + at : buffers[2];
      compute(f, a, b, out, count);
      if (!in_place) write_block(out, count, args.type, args.out, at);
    }
  });
}

// out = f(a) of vectors.
template <typename F>
void map_one(const ElementwiseArgs& args, Pool* pool, const F& f) {
  auto compute = [](const void* opaque, const float* a, const float*, float* out, int64_t count) {
    const F& f = *static_cast<const F*>(opaque);
    for (int64_t i = 0; i < count; i += kFloats) store_floats(out + i, f(load_floats(a + i)));
  };
  for_each_block(args, pool, false, compute, &f);
}

// out = f(a, b) of vectors.
template <typename F>
void map_two(const ElementwiseArgs& args, Pool* pool, const F& f) {
  auto compute = [](const void* opaque, const float* a, const float* b, float* out, int64_t count) {
    const F& f = *static_cast<const F*>(opaque);
    for (int64_t i = 0; i < count; i += kFloats)
      store_floats(out + i, f(load_floats(a + i), load_floats(b + i)));
  };
  for_each_block(args, pool, true, compute, &f);
}

}  // namespace max
