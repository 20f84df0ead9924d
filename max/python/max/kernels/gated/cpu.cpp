// max::gated on the CPU (include/gated.h).

#include "../include/gated.h"

using namespace max;

MAX_EXPORT void gated(const ElementwiseArgs* args, Pool* pool) {
  with_type(args->type, [&](auto* type) { gate<std::remove_const_t<std::remove_pointer_t<decltype(type)>>>(*args, pool); });
}
