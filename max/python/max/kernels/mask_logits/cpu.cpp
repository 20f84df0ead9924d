// max::mask_logits on the CPU: most words of a mask forbid all their tokens, whose logits are not read.

#include "../include/mask_logits.h"

#include <algorithm>
#include <limits>

#include "../include/pool.h"
#include "../include/simd.h"

namespace {

using namespace max;

constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr int64_t kBits = 32;  // of a word

struct Mask {
  const uint32_t* words;
  int64_t count;
  bool allows(int64_t token) const {
    return token < kBits * count && (words[token / kBits] >> token % kBits & 1);
  }
};

template <typename T>
void copy_row(const T* logits, int64_t size, float* out) {
  int64_t i = 0;
  for (; i + kFloats <= size; i += kFloats) store_floats(out + i, load_elements(logits + i));
  for (; i < size; ++i) out[i] = load(logits[i]);
}

// Says whether anything that is allowed has a chance.
template <typename T>
bool mask_row(const T* logits, const Mask& mask, int64_t size, float* out) {
  const Floats never = broadcast(kNever);
  PlainWords lane_bits, likely{};
  for (int64_t i = 0; i < kFloats; ++i) lane_bits[i] = 1u << i;
  int64_t whole = std::min(mask.count, size / kBits);
  for (int64_t w = 0; w < whole; ++w) {
    uint32_t word = mask.words[w];
    float* to = out + w * kBits;
    if (word == 0) {
      for (int64_t i = 0; i < kBits; i += kFloats) store_floats(to + i, never);
      continue;
    }
    for (int64_t i = 0; i < kBits; i += kFloats) {
      PlainWords allowed = (PlainWords{} + (word >> i)) & lane_bits;
      Floats x = allowed != 0 ? load_elements(logits + w * kBits + i) : never;
      likely |= (PlainWords)(x != never);
      store_floats(to + i, x);
    }
  }
  bool is_likely = false;
  for (int64_t i = 0; i < kFloats; ++i) is_likely |= likely[i] != 0;
  for (int64_t token = whole * kBits; token < size; ++token) {
    out[token] = mask.allows(token) ? load(logits[token]) : kNever;
    is_likely |= out[token] != kNever;
  }
  return is_likely;
}

template <typename T>
void mask_rows(const MaskLogitsArgs& args, int64_t first, int64_t last) {
  const int64_t* end = args.masked + args.masks;
  int64_t size = args.vocab_size;
  for (int64_t row = first; row < last; ++row) {
    const T* logits = static_cast<const T*>(args.logits) + row * size;
    float* out = args.out + row * size;
    const int64_t* found = std::lower_bound(args.masked, end, row);
    if (found == end || *found != row) {
      copy_row(logits, size, out);
      continue;
    }
    Mask mask{args.bits + (found - args.masked) * args.words, args.words};
    if (mask_row(logits, mask, size, out)) continue;
    for (int64_t token = 0; token < size; ++token)
      if (mask.allows(token)) out[token] = 0;
  }
}

}  // namespace

MAX_EXPORT void mask_logits(const MaskLogitsArgs* args, Pool* pool) {
  parallel_for(pool, args->rows, 1, [&](int64_t first, int64_t last) {
    switch (args->type) {
      case kFloat32: return mask_rows<float>(*args, first, last);
      case kBfloat16: return mask_rows<bfloat16>(*args, first, last);
      default: return mask_rows<float16>(*args, first, last);
    }
  });
}
