// Arguments of `max::choose_tokens`.

#pragma once

#include <cstdint>

struct ChooseTokensArgs {
  const float* logits;  // [rows, vocab_size]; a row's best is not NaN and not -inf
  int64_t rows;
  int64_t vocab_size;
  const int64_t* top_k;  // [rows], vocab_size for no limit
  const double* top_p;
  const double* min_p;
  const double* uniforms;
  int64_t* tokens;  // [rows], written
};
