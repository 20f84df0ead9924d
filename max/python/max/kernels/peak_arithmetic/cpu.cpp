// Multiplies and adds in registers and nothing else: how fast matrix products could be.

#include "../include/bytes.h"
#include "../include/pool.h"

namespace max {

enum Arithmetic : int32_t { kFloat32Products = 0, kBfloat16Products = 1, kByteProducts = 2 };

struct PeakArithmeticArgs {
  int64_t chunks;  // shared out among the threads
  int64_t steps;   // of a chunk: each is one product of vectors per chain
  uint32_t* sums;  // one per chunk: bits of the operands before, of a sum after
  Arithmetic arithmetic;
};

}  // namespace max

namespace {

using namespace max;

// As many independent sums as keep the units busy, in fewer registers than there are.
#if defined(__AVX512F__)
constexpr int64_t kChains = 24;
#else
constexpr int64_t kChains = 10;
#endif

// The chains begin with different numbers: of equal ones a compiler would compute one.
template <typename Sum, typename Dot>
uint32_t multiply(int64_t steps, uint32_t seed, const Dot& dot) {
  Sum sums[kChains];
#pragma GCC unroll 24
  for (int64_t i = 0; i < kChains; ++i) sums[i] = (Sum)broadcast_word(seed + i);
  for (int64_t step = 0; step < steps; ++step)
#pragma GCC unroll 24
    for (int64_t i = 0; i < kChains; ++i) sums[i] = dot(sums[i]);
#pragma GCC unroll 24
  for (int64_t i = 1; i < kChains; ++i) sums[0] = sums[0] + sums[i];
  uint32_t first;
  std::memcpy(&first, &sums[0], sizeof first);
  return first;
}

template <typename Groups>
uint32_t multiply_groups(int64_t steps, uint32_t seed) {
  Words words = broadcast_word(seed);
  auto w = Groups::weights(&words);
  uint32_t group[] = {seed, seed};
  auto x = Groups::activation(reinterpret_cast<const char*>(group));
  return multiply<Floats>(steps, seed, [&](Floats sum) { return Groups::dot(sum, w, x); });
}

}  // namespace

// Products per step of a vector: as many as its bytes hold elements, times the chains.
MAX_EXPORT int64_t peak_arithmetic_products(const PeakArithmeticArgs* args) {
  constexpr int64_t per_word[] = {1, 2, 4};
  return args->chunks * args->steps * kChains * kFloats * per_word[args->arithmetic];
}

MAX_EXPORT void peak_arithmetic(const PeakArithmeticArgs* args, Pool* pool) {
  parallel_for(pool, args->chunks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      uint32_t seed = args->sums[i];
      Words words = broadcast_word(seed);
      if (args->arithmetic == kFloat32Products)
        args->sums[i] = multiply_groups<Float32Groups>(args->steps, seed);
      else if (args->arithmetic == kBfloat16Products)
        args->sums[i] = multiply_groups<Bfloat16Groups>(args->steps, seed);
      else
        args->sums[i] = multiply<Words>(args->steps, seed, [&](Words sum) {
          return dot_bytes<8>(sum, words, words);
        });
    }
  });
}
