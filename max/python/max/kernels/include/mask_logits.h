// Arguments of `max::mask_logits`.

#pragma once

#include <cstdint>

struct MaskLogitsArgs {
  const void* logits;  // [rows, vocab_size], elements of `type`
  int64_t rows;
  int64_t vocab_size;
  const int64_t* masked;  // [masks], ascending rows
  int64_t masks;
  const uint32_t* bits;  // [masks, words]
  int64_t words;
  float* out;    // [rows, vocab_size], written
  int32_t type;  // an ElementType
};
