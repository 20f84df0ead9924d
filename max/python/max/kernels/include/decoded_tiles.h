// A tile of a cache of bytes as floats, in the order in which panels are multiplied (panel.h).

#pragma once

#include "bytes.h"
#include "cache_entries.h"
#include "few_rows.h"
#include "panel.h"
#include "transpose.h"

namespace max {

// Sets to [dim][kPanel] to the keys of a tile; those that are not there are any.
inline void decode_keys(const CachedTokens<int8_t>& keys, int64_t dim, float* to) {
  constexpr int64_t kBytes = 4;
  for (int64_t t = 0; t < keys.count; t += kTransposed) {
    float factors[kTransposed];
    for (int64_t i = 0; i < kTransposed; ++i)
      factors[i] = factor_of(keys.tokens[t + i] + keys.first, dim);
    for (int64_t begin = 0; begin < dim; begin += kBytes * kTransposed) {
      // Words of four elements, for each of which the tokens stand side by side.
      alignas(sizeof(Words)) uint32_t words[kTransposed * kTransposed];
      int64_t n = std::min(kTransposed, (dim - begin) / kBytes);
      if (n == kTransposed)
        transpose_words(keys.tokens + t, (keys.first + begin) / kBytes, words, kTransposed);
      else
        for (int64_t g = 0; g < n; ++g)
          for (int64_t i = 0; i < kTransposed; ++i)
            words[g * kTransposed + i] = load_word(keys.tokens[t + i] + keys.first + begin + g * kBytes);
      for (int64_t g = 0; g < n; ++g) {
        Ints word = (Ints)load_words(words + g * kTransposed);
        float* row = to + (begin + g * kBytes) * kPanel + t;
        for (int64_t e = 0; e < kBytes; ++e)
          store_floats(row + e * kPanel, multiply(to_floats((Words)(word << (24 - 8 * e) >> 24)),
                                                  load_floats(factors)));
      }
    }
  }
}

// Sets to [panels of dim][kPanel tokens][kPanel] to the values of a tile; other columns stay what they are.
inline void decode_values(const CachedTokens<int8_t>& values, int64_t dim, float* to) {
  for (int64_t t = 0; t < values.count; ++t) {
    const int8_t* from = values.tokens[t] + values.first;
    float factor = factor_of(from, dim);
    for (int64_t column = 0; column < dim; column += kPanel) {
      float* row = to + (column + t) * kPanel;
      int64_t width = std::min(kPanel, dim - column), c = 0;
      for (; c + kFloats <= width; c += kFloats)
        store_floats(row + c, multiply(load_signed_bytes(reinterpret_cast<const uint8_t*>(from + column + c)),
                                       broadcast(factor)));
      for (; c < width; ++c) row[c] = static_cast<float>(from[column + c]) * factor;
    }
  }
}

}  // namespace max
