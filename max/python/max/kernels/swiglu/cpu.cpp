// max::swiglu on the CPU: gate / (1 + e^-gate) * up, rounded after each factor as the reference does.

#include <type_traits>

#include "../include/elementwise.h"
#include "../include/exponential.h"

namespace {

using namespace max;

MAX_INLINE Floats silu(Floats x) {
  Floats one = broadcast(1.0f);
  return x / (one + exponential(zeros() - x));
}

template <typename T>
MAX_INLINE Floats rounded_vector(Floats x) {
  return std::is_same_v<T, float> ? x : (Floats)(nearest_bfloat16(x) << 16);
}

template <typename T>
void swiglu_of(const ElementwiseArgs& args, Pool* pool) {
  elementwise<T>(args, pool,
                 [](Floats gate, Floats up) { return rounded_vector<T>(silu(gate)) * up; });
}

}  // namespace

MAX_EXPORT void swiglu(const ElementwiseArgs* args, Pool* pool) {
  if (args->type == kFloat32)
    swiglu_of<float>(*args, pool);
  else
    swiglu_of<bfloat16>(*args, pool);
}
