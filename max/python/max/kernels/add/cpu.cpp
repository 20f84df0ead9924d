// max::add on the CPU.

#include "../include/elementwise.h"

using namespace max;

MAX_EXPORT void add(const ElementwiseArgs* args, Pool* pool) {
  auto sum = [](Floats a, Floats b) { return add(a, b); };
  if (args->type == kFloat32)
    elementwise<float>(*args, pool, sum);
  else
    elementwise<bfloat16>(*args, pool, sum);
}
