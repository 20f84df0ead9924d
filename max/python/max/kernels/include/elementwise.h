// Arguments of `max::add` and `max::swiglu`, and the loop that both are.

#pragma once

#include "pool.h"
#include "simd.h"

namespace max {

struct ElementwiseArgs {
  const void* a;
  const void* b;
  void* out;
  int64_t count;
  ElementType type;
};

// out[i] = f(a[i], b[i]); f takes and gives vectors, and an element's result is its own.
template <typename T, typename F>
void elementwise(const ElementwiseArgs& args, Pool* pool, const F& f) {
  constexpr int64_t grain = 1 << 14;  // elements that are worth another thread
  parallel_for(pool, args.count, grain, [&](int64_t begin, int64_t end) {
    const T* a = static_cast<const T*>(args.a);
    const T* b = static_cast<const T*>(args.b);
    T* out = static_cast<T*>(args.out);
    int64_t i = begin;
    for (; i + kFloats <= end; i += kFloats)
      store_elements(out + i, f(load_elements(a + i), load_elements(b + i)));
    T rest[3][kFloats] = {};
    std::copy(a + i, a + end, rest[0]);
    std::copy(b + i, b + end, rest[1]);
    store_elements(rest[2], f(load_elements(rest[0]), load_elements(rest[1])));
    std::copy(rest[2], rest[2] + (end - i), out + i);
  });
}

}  // namespace max
