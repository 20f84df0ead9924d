// max::elementwise on the CPU: computed in float32, rounded once.

#include "../include/elementwise.h"
#include "../include/functions.h"

namespace {

using namespace max;

// As functions.py counts them.
enum Function : int32_t {
  kAdd, kSub, kReverseSub, kMul, kDiv, kMaximum, kMinimum,
  kCast, kNegate, kAbs, kSquare, kReciprocal, kSqrt, kRsqrt, kExp, kTanh, kErf, kSigmoid,
  kSilu, kGelu, kGeluTanh, kGeluQuick, kRelu, kClamp, kSoftCap,
};

MAX_INLINE Floats greater(Floats a, Floats b) { return a != a ? a : a > b ? a : b; }
MAX_INLINE Floats lesser(Floats a, Floats b) { return a != a ? a : a < b ? a : b; }

}  // namespace

MAX_EXPORT void elementwise(const ElementwiseArgs* args, Pool* pool) {
  auto one = [&](const auto& f) { map_one(*args, pool, f); };
  auto two = [&](const auto& f) { map_two(*args, pool, f); };
  Floats first = broadcast(args->numbers[0]), second = broadcast(args->numbers[1]);
  switch (args->function) {
    case kAdd: return two([](Floats a, Floats b) { return a + b; });
    case kSub: return two([](Floats a, Floats b) { return a - b; });
    case kReverseSub: return two([](Floats a, Floats b) { return b - a; });
    case kMul: return two([](Floats a, Floats b) { return a * b; });
    case kDiv: return two([](Floats a, Floats b) { return a / b; });
    case kMaximum: return two([](Floats a, Floats b) { return greater(a, b); });
    case kMinimum: return two([](Floats a, Floats b) { return lesser(a, b); });
    case kCast: return one([](Floats x) { return x; });
    case kNegate: return one([](Floats x) { return -x; });
    case kAbs: return one([](Floats x) { return magnitude(x); });
    case kSquare: return one([](Floats x) { return x * x; });
    case kReciprocal: return one([](Floats x) { return broadcast(1.0f) / x; });
    case kSqrt: return one([](Floats x) { return square_root(x); });
    case kRsqrt: return one([](Floats x) { return broadcast(1.0f) / square_root(x); });
    case kExp: return one([](Floats x) { return exponential(x); });
    case kTanh: return one([](Floats x) { return hyperbolic_tangent(x); });
    case kErf: return one([](Floats x) { return error_function(x); });
    case kSigmoid: return one([](Floats x) { return sigmoid(x); });
    case kSilu: return one([](Floats x) { return silu(x); });
    case kGelu: return one([](Floats x) { return gelu(x); });
    case kGeluTanh: return one([](Floats x) { return gelu_tanh(x); });
    case kGeluQuick: return one([](Floats x) { return gelu_quick(x); });
    case kRelu: return one([](Floats x) { return relu(x); });
    case kClamp: return one([=](Floats x) { return lesser(greater(x, first), second); });
    case kSoftCap: return one([=](Floats x) { return first * hyperbolic_tangent(x / first); });
  }
}
