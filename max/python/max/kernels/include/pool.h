// The thread pool as kernels see it: made by thread_pool/cpu.cpp, handed to every kernel.
//
// Every kernel is one C function, `void name(const NameArgs* args, Pool* pool)`: plain structs that a
// recorded program can hold; see docs/design/kernels.md.

#pragma once

#include <algorithm>
#include <cstdint>

namespace max {

extern "C" struct Pool {
  int64_t threads;  // the caller's is one of them
  // Runs task(context, chunk) for every chunk of [0, chunks) and returns when all are done. Any thread
  // may run any chunk, so a chunk's result must not depend on who runs it or on what ran before.
  void (*run)(Pool* pool, int64_t chunks, void (*task)(void* context, int64_t chunk), void* context);
};

// Calls f(begin, end) for ranges that cover [0, items), `grain` items each (the last may have fewer).
// A null pool is the calling thread alone.
template <typename F>
void parallel_for(Pool* pool, int64_t items, int64_t grain, const F& f) {
  if (items <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  if (pool == nullptr || pool->threads == 1 || items <= grain) return f(int64_t{0}, items);
  struct Context {
    const F& f;
    int64_t items, grain;
  } context{f, items, grain};
  auto task = [](void* opaque, int64_t chunk) {
    const Context& c = *static_cast<const Context*>(opaque);
    c.f(chunk * c.grain, std::min(c.items, (chunk + 1) * c.grain));
  };
  pool->run(pool, (items + grain - 1) / grain, task, &context);
}

}  // namespace max
