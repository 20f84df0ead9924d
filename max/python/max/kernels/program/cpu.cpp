// Runs a recorded program: kernels in sequence, with their arguments.

#include <chrono>

#include "../include/elements.h"
#include "../include/pool.h"

namespace {

using namespace max;

struct Step {
  void (*kernel)(const void* args, Pool* pool);
  const void* args;
};

double now() {
  auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(time).count();
}

}  // namespace

// seconds: null, or [count], to which the time of each step is added.
MAX_EXPORT void program(const Step* steps, int64_t count, double* seconds, Pool* pool) {
  if (seconds == nullptr) {
    for (int64_t i = 0; i < count; ++i) steps[i].kernel(steps[i].args, pool);
    return;
  }
  double before = now();
  for (int64_t i = 0; i < count; ++i) {
    steps[i].kernel(steps[i].args, pool);
    double after = now();
    seconds[i] += after - before;
    before = after;
  }
}
