// All encodings of blocks, by their numbers.

#pragma once

#include "grid_blocks.h"
#include "quantized_blocks.h"
#include "small_blocks.h"
#include "table_blocks.h"

namespace max {

// Calls f with the traits of an encoding.
template <typename F>
auto with_encoding(Encoding encoding, const F& f) {
  switch (encoding) {
    case kQ8_0: return f(Q8_0());
    case kQ4_0: return f(Q4_0());
    case kQ4_1: return f(Q4_1());
    case kQ5_0: return f(Q5_0());
    case kQ5_1: return f(Q5_1());
    case kQ2_K: return f(Q2_K());
    case kQ3_K: return f(Q3_K());
    case kQ4_K: return f(Q4_K());
    case kQ5_K: return f(Q5_K());
    case kIQ4_NL: return f(IQ4_NL());
    case kIQ4_XS: return f(IQ4_XS());
    case kMXFP4: return f(MXFP4());
    case kIQ1_S: return f(IQ1_S());
    case kIQ1_M: return f(IQ1_M());
    case kIQ2_XXS: return f(IQ2_XXS());
    case kIQ2_XS: return f(IQ2_XS());
    case kIQ2_S: return f(IQ2_S());
    case kIQ3_XXS: return f(IQ3_XXS());
    case kIQ3_S: return f(IQ3_S());
    case kTQ1_0: return f(TQ1_0());
    case kTQ2_0: return f(TQ2_0());
    default: return f(Q6_K());
  }
}

}  // namespace max
