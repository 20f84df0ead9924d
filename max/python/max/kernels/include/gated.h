// activation(gate) * up of rows, rounded after each factor as the reference does.

#pragma once

#include <type_traits>

#include "elementwise.h"
#include "functions.h"

namespace max {

// As op.py counts them.
enum Activation : int32_t { kSilu, kGelu, kGeluTanh, kGeluQuick, kRelu, kSquaredRelu, kSigmoid, kTanh };

template <typename T>
void gate(const ElementwiseArgs& args, Pool* pool) {
  auto run = [&](const auto& activation) {
    map_two(args, pool, [&](Floats gate, Floats up) MAX_INLINE_LAMBDA {
      return rounded_elements<T>(activation(gate)) * up;
    });
  };
  switch (args.function) {
    case kSilu: return run([](Floats x) { return silu(x); });
    case kGelu: return run([](Floats x) { return gelu(x); });
    case kGeluTanh: return run([](Floats x) { return gelu_tanh(x); });
    case kGeluQuick: return run([](Floats x) { return gelu_quick(x); });
    case kRelu: return run([](Floats x) { return relu(x); });
    case kSquaredRelu: return run([](Floats x) { return relu(x) * relu(x); });
    case kSigmoid: return run([](Floats x) { return sigmoid(x); });
    case kTanh: return run([](Floats x) { return hyperbolic_tangent(x); });
  }
}

}  // namespace max
